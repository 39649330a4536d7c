"""A member of a call on discord.py that hears one speaker: transport opened with PyNaCl, frames with davey or dave.py.

Environment: SANDBOX_API (REST base with /api/v10), SANDBOX_TOKEN, SANDBOX_CHANNEL (voice channel to join), SANDBOX_SPEAKER
(user to hear), SANDBOX_USERS (ids that may be in the call, with commas), SANDBOX_PCM (file for the decoded sound, s16le
stereo), SANDBOX_DAVE ("davey" or "dave"), SSL_CERT_FILE. Prints one JSON object a line.
"""

import json
import os
import struct
import urllib.request

import davey
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_sealed

SPEAKER = int(os.environ["SANDBOX_SPEAKER"])
USERS = {text for text in os.environ["SANDBOX_USERS"].split(",") if text}


def say(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


class LibdaveCommit:
    """What discord.py sends: commit and welcome in one."""

    welcome = None

    def __init__(self, commit):
        self.commit = commit


class LibdaveSession:
    """dave.py, Discord's own library, behind the names that discord.py calls davey by."""

    def __init__(self, version, user, channel):
        import dave

        self.dave = dave
        self.user = user
        self.session = dave.Session(lambda source, reason: say("mls_failure", source=source, reason=reason))
        self.decryptors, self.encryptor = {}, dave.Encryptor()
        self.reinit(version, user, channel)

    def reinit(self, version, user, channel):
        self.session.reset()
        self.session.init(version, channel, str(user), self.dave.SignatureKeyPair.generate(version))

    def reset(self):
        self.session.reset()

    def set_passthrough_mode(self, on, seconds):
        for decryptor in self.decryptors.values():
            decryptor.transition_to_passthrough_mode(on, float(seconds))

    def get_serialized_key_package(self):
        return self.session.get_marshalled_key_package()

    def set_external_sender(self, data):
        self.session.set_external_sender(data)

    def process_proposals(self, kind, data):
        flag = b"\0" if kind == davey.ProposalsOperationType.append else b"\1"
        commit = self.session.process_proposals(flag + data, USERS)
        return LibdaveCommit(commit) if commit else None

    def process_commit(self, data):
        self._follow(self.session.process_commit(data))

    def process_welcome(self, data):
        self._follow(self.session.process_welcome(data, USERS))

    def _follow(self, roster):
        if roster is None or roster == self.dave.RejectType.failed:
            raise ValueError("refused")
        for user in USERS:
            ratchet = self.session.get_key_ratchet(user)
            if ratchet is not None:
                self.decryptors.setdefault(int(user), self.dave.Decryptor()).transition_to_key_ratchet(ratchet)
        self.encryptor.set_key_ratchet(self.session.get_key_ratchet(str(self.user)))

    @property
    def ready(self):
        return self.session.has_established_group()

    def encrypt_opus(self, frame):
        return self.encryptor.encrypt(self.dave.MediaType.audio, 0, frame)

    def decrypt(self, user, kind, frame):
        decryptor = self.decryptors.get(user)
        opened = decryptor.decrypt(self.dave.MediaType.audio, frame) if decryptor else None
        if opened is None:
            raise ValueError("cannot be decrypted")
        return opened


if os.environ["SANDBOX_DAVE"] == "dave":
    davey.DaveSession, davey.CommitWelcome = LibdaveSession, LibdaveCommit

say("started")

import discord  # noqa: E402  (after davey was chosen)
import discord.gateway  # noqa: E402
import discord.http  # noqa: E402
import discord.opus  # noqa: E402
import yarl  # noqa: E402

BASE = os.environ["SANDBOX_API"]
discord.http.Route.BASE = BASE
with urllib.request.urlopen(BASE + "/gateway", timeout=20) as answer:
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(json.load(answer)["url"])

SILENCE = b"\xf8\xff\xfe"


class Ear:
    """Counts and decodes what the speaker sends."""

    def __init__(self):
        self.heard = self.lost = self.early = self.undecryptable = self.silence = self.rejected = 0
        self.last, self.begun, self.client = None, False, None
        self.decoder, self.file = discord.opus.Decoder(), open(os.environ["SANDBOX_PCM"], "wb")

    def take(self, packet):
        if len(packet) < 16 or packet[0] >> 6 != 2 or packet[1] & 0x7F != 0x78:
            return
        frame = self.unsealed(packet)
        if frame is None:
            self.rejected += 1
            return
        sequence = struct.unpack_from(">H", packet, 2)[0]
        if self.last is not None:
            self.lost += (sequence - self.last - 1) & 0xFFFF
        self.last = sequence
        self.heard += 1
        self.decode(frame)
        if self.heard % 25 == 0:
            self.report()

    def unsealed(self, packet):
        size = 12 + 4 * (packet[0] & 15) + (4 if packet[0] & 16 else 0)
        nonce, key = packet[-4:] + bytes(20), bytes(self.client.secret_key)
        try:
            body = open_sealed(packet[size:-4], packet[:size], nonce, key)
        except Exception:
            return None
        return body[4 * struct.unpack_from(">H", packet, size - 2)[0]:] if packet[0] & 16 else body

    def decode(self, frame):
        if frame == SILENCE:
            self.silence += 1
            return
        session = self.client._connection.dave_session
        try:
            frame = session.decrypt(SPEAKER, davey.MediaType.audio, frame)
            self.begun = True
        except Exception:
            # Until the group stands there is no key to have.
            if self.begun:
                self.undecryptable += 1
            else:
                self.early += 1
            return
        self.file.write(self.decoder.decode(frame, fec=False))

    def report(self):
        self.file.flush()
        say("heard", packets=self.heard, lost=self.lost, early=self.early, undecryptable=self.undecryptable,
            silence=self.silence, rejected=self.rejected)


class Member(discord.Client):
    async def on_connect(self):
        say("online")

    async def on_ready(self):
        say("ready")
        ear = Ear()
        channel = self.get_channel(int(os.environ["SANDBOX_CHANNEL"]))
        ear.client = await channel.connect(timeout=10)
        say("connected", mode=ear.client.mode)
        # The socket is read on a thread of its own; DAVE's session lives on this loop.
        ear.client._connection.add_socket_listener(lambda data: self.loop.call_soon_threadsafe(ear.take, bytes(data)))


if os.environ.get("SANDBOX_LOG"):
    discord.utils.setup_logging(level=10)
Member(intents=discord.Intents(guilds=True, voice_states=True)).run(os.environ["SANDBOX_TOKEN"], log_handler=None)
