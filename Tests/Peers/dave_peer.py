"""Members of a call made with davey or dave.py, driven by a test: one JSON object a line in, one out, bytes as hex."""

import json
import sys


class Davey:
    def __init__(self, user, channel, external):
        import davey

        self.davey = davey
        self.user, self.channel, self.external = user, channel, external
        self.session = davey.DaveSession(1, user, channel)

    def key_package(self):
        self.session.reinit(1, self.user, self.channel)
        self.session.set_external_sender(self.external)
        return self.session.get_serialized_key_package()

    def proposals(self, payload, users):
        kind = self.davey.ProposalsOperationType.revoke if payload[0] else self.davey.ProposalsOperationType.append
        made = self.session.process_proposals(kind, payload[1:], users)
        return made and made.commit + (made.welcome or b"")

    def commit(self, payload):
        self.session.process_commit(payload)

    def welcome(self, payload, users):
        self.session.process_welcome(payload)

    def authenticator(self):
        return self.session.get_epoch_authenticator()

    def encrypt(self, frame):
        return self.session.encrypt_opus(frame)

    def decrypt(self, user, frame):
        return self.session.decrypt(user, self.davey.MediaType.audio, frame)


class Libdave:
    def __init__(self, user, channel, external):
        import dave

        self.dave = dave
        self.user, self.channel, self.external = user, channel, external
        self.failure = None
        self.session = dave.Session(self.failed)
        self.decryptors = {}

    def failed(self, where, why):
        self.failure = f"{where}: {why}"

    def key_package(self):
        self.session.reset()
        self.session.init(1, self.channel, str(self.user), None)
        self.session.set_external_sender(self.external)
        return self.session.get_marshalled_key_package()

    def proposals(self, payload, users):
        return self.session.process_proposals(payload, {str(user) for user in users})

    def commit(self, payload):
        result = self.session.process_commit(payload)
        if isinstance(result, self.dave.RejectType):
            raise ValueError(self.failure or "ignored")
        self.new_epoch()

    def welcome(self, payload, users):
        if self.session.process_welcome(payload, {str(user) for user in users}) is None:
            raise ValueError(self.failure or "refused")
        self.new_epoch()

    def new_epoch(self):
        self.decryptors = {}
        self.encryptor = self.dave.Encryptor()
        self.encryptor.assign_ssrc_to_codec(1, self.dave.Codec.opus)
        self.encryptor.set_key_ratchet(self.session.get_key_ratchet(str(self.user)))

    def authenticator(self):
        return self.session.get_last_epoch_authenticator()

    def encrypt(self, frame):
        return self.encryptor.encrypt(self.dave.MediaType.audio, 1, frame)

    def decrypt(self, user, frame):
        if user not in self.decryptors:
            self.decryptors[user] = self.dave.Decryptor()
            self.decryptors[user].transition_to_key_ratchet(self.session.get_key_ratchet(str(user)))
        return self.decryptors[user].decrypt(self.dave.MediaType.audio, frame)


def answer(members, line):
    do = line["do"]
    if do == "start":
        kind = {"davey": Davey, "libdave": Libdave}[line["library"]]
        members[line["user"]] = kind(line["user"], line["channel"], bytes.fromhex(line["external"]))
        return None
    member = members[line["user"]]
    payload = bytes.fromhex(line.get("payload", ""))
    if do in ("key_package", "authenticator"):
        return getattr(member, do)()
    if do in ("proposals", "welcome"):
        return getattr(member, do)(payload, line["users"])
    if do == "decrypt":
        return member.decrypt(line["sender"], payload)
    return {"commit": member.commit, "encrypt": member.encrypt}[do](payload)


def main():
    members = {}
    for text in sys.stdin:
        try:
            result = answer(members, json.loads(text))
            reply = {"payload": result.hex() if result else None}
        except Exception as error:  # whatever the library raises is the peer's verdict
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
