"""Plays a file in several calls at once with discord.py's own player, Opus encoder and encryption, for timmybot-bench.

Only the gateway is missing: each VoiceClient is put into the state it would be in after connecting, with a real DAVE
session whose messages come from standard input, and a UDP socket that leads to the loopback.

Arguments: FILE SECONDS PORT... (one port for each call). One JSON object a line goes out and comes in:
  out {"key_packages": [hex]}         in  [{"proposals": hex}]   one for each call, after [{"external": hex}] first of all
  out {"commits": [hex]}              in  [{"commit": hex}]
  out {"playing": true}               the measured seconds begin
  out {"cpu": s, "memory": bytes, "ffmpeg_cpu": s}
"""

import asyncio
import json
import os
import resource
import socket
import sys
import time

WARM_UP = 2.0


def say(**message):
    print(json.dumps(message), flush=True)


def hear():
    return json.loads(sys.stdin.readline())


try:
    import davey
    import discord
    from discord.voice_state import ConnectionFlowState

    if not discord.opus.is_loaded():
        # What discord.py itself does before the first encoder; said here so that its absence is a clear line.
        discord.opus._load_default()
    if not discord.opus.is_loaded():
        raise ImportError("libopus is not found by discord.py")
except ImportError as error:
    say(missing=str(error))
    sys.exit(0)


class FakeState:
    def __init__(self, loop):
        self.loop = loop
        self.user = discord.Object(1)


class FakeClient:
    def __init__(self, loop):
        self.loop = loop
        self._connection = FakeState(loop)


class FakeGateway:
    async def speak(self, state=None):
        pass


class FakeChannel:
    def __init__(self, number):
        self.id = number
        self.guild = discord.Object(number)

    def _get_voice_client_key(self):
        return self.id, "guild_id"


class Call:
    """A VoiceClient as it is once it has connected."""

    def __init__(self, client, number, port, external):
        self.voice = discord.VoiceClient(client, FakeChannel(number))
        state = self.voice._connection
        state.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        state.socket.connect(("127.0.0.1", port))
        state.socket.setblocking(False)
        state.ssrc = number
        state.secret_key = list(os.urandom(32))
        state.mode = "aead_xchacha20_poly1305_rtpsize"
        state.ws = FakeGateway()
        state.state = ConnectionFlowState.connected
        self.session = davey.DaveSession(1, 1, number)
        self.session.set_external_sender(external)
        state.dave_session = self.session
        state.dave_protocol_version = 1

    def commit(self, payload):
        made = self.session.process_proposals(davey.ProposalsOperationType.append, payload[1:], [1, 2])
        return made.commit + (made.welcome or b"")

    def play(self, file):
        source = discord.FFmpegPCMAudio(file, before_options="-stream_loop -1", options="-loglevel error")
        self.ffmpeg = source._process.pid
        self.voice.play(source)


def proportional_memory(pid):
    """Bytes of a process, shared pages divided among those who share them."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main():
    file, seconds, ports = sys.argv[1], float(sys.argv[2]), [int(port) for port in sys.argv[3:]]
    client = FakeClient(asyncio.get_running_loop())
    before = proportional_memory("self")
    external = [bytes.fromhex(each["external"]) for each in hear()]
    calls = [Call(client, index + 1, port, external[index]) for index, port in enumerate(ports)]
    say(key_packages=[call.session.get_serialized_key_package().hex() for call in calls])
    proposals = hear()
    say(commits=[call.commit(bytes.fromhex(each["proposals"])).hex() for call, each in zip(calls, proposals)])
    for call, each in zip(calls, hear()):
        call.session.process_commit(bytes.fromhex(each["commit"]))
    if not all(call.voice._connection.can_encrypt for call in calls):
        return say(missing="davey did not enter the group")
    for call in calls:
        call.play(file)
    await asyncio.sleep(WARM_UP)
    say(playing=True)
    cpu, helpers = own_cpu(), sum(cpu_of(call.ffmpeg) for call in calls)
    await asyncio.sleep(seconds)
    cpu, helpers = own_cpu() - cpu, sum(cpu_of(call.ffmpeg) for call in calls) - helpers
    memory = proportional_memory("self") - before + sum(proportional_memory(call.ffmpeg) for call in calls)
    say(cpu=cpu, ffmpeg_cpu=helpers, memory=memory)
    for call in calls:
        call.voice.stop()
    time.sleep(0.2)
    os._exit(0)


asyncio.run(main())
