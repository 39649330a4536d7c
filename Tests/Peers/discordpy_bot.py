"""A bot on discord.py that logs in to the sandbox, answers commands, and plays a PCM file in voice.

Environment: SANDBOX_API (REST base with /api/v10), SANDBOX_TOKEN, SANDBOX_PCM (s16le stereo 48 kHz), SSL_CERT_FILE (the
sandbox's CA: Python's default TLS context reads it). Prints one JSON object a line for each thing that happened.
"""

import json
import os
import sys
import urllib.request

import discord
import discord.gateway
import discord.http
import yarl
from discord import app_commands

BASE = os.environ["SANDBOX_API"]
discord.http.Route.BASE = BASE
# discord.py takes the gateway of a single shard from here, not from GET /gateway/bot.
with urllib.request.urlopen(BASE + "/gateway", timeout=20) as answer:
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(json.load(answer)["url"])


def say(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


class Panel(discord.ui.LayoutView):
    """A Components V2 card with a button."""

    def __init__(self):
        super().__init__(timeout=60)
        row = discord.ui.ActionRow()
        button = discord.ui.Button(label="Press", custom_id="panel:press")

        async def pressed(interaction):
            await interaction.response.edit_message(view=Pressed())
            say("pressed")

        button.callback = pressed
        row.add_item(button)
        self.add_item(discord.ui.Container(discord.ui.TextDisplay("**A card**"), row))


class Pressed(discord.ui.LayoutView):
    def __init__(self):
        super().__init__(timeout=60)
        self.add_item(discord.ui.TextDisplay("It was pressed"))


class Bot(discord.Client):
    def __init__(self):
        super().__init__(intents=discord.Intents(guilds=True, voice_states=True))
        self.tree = app_commands.CommandTree(self)
        self.voice = None

    async def setup_hook(self):
        synced = await self.tree.sync()
        say("synced", names=[command.name for command in synced])

    async def on_ready(self):
        say("ready", user=str(self.user.id), guilds=[g.name for g in self.guilds], zlib=True)

    async def on_resumed(self):
        say("resumed")


bot = Bot()


@bot.tree.command(description="Says hello")
@app_commands.describe(name="Who")
async def hello(interaction: discord.Interaction, name: str):
    await interaction.response.send_message(f"Hello {name}")
    original = await interaction.original_response()
    say("answered", content=original.content)


@bot.tree.command(description="Shows a card")
async def card(interaction: discord.Interaction):
    await interaction.response.defer(thinking=True)
    await interaction.edit_original_response(view=Panel())
    say("shown")


@bot.tree.command(description="Sends a file")
async def file(interaction: discord.Interaction):
    import io

    await interaction.response.send_message(
        "A file", file=discord.File(io.BytesIO(b"some bytes"), "notes.txt"), ephemeral=True
    )
    original = await interaction.original_response()
    say("filed", bytes=(await original.attachments[0].read()).decode())


@bot.tree.command(description="Joins your channel and plays")
async def play(interaction: discord.Interaction):
    await interaction.response.defer(thinking=True)
    bot.voice = await interaction.user.voice.channel.connect(timeout=10)
    say("connected", mode=bot.voice.mode)
    for _ in range(200):
        if bot.voice._connection.can_encrypt:
            break
        await discord.utils.sleep_until(discord.utils.utcnow() + __import__("datetime").timedelta(milliseconds=25))
    say("encrypted", ready=bool(bot.voice._connection.can_encrypt))
    source = discord.PCMAudio(open(os.environ["SANDBOX_PCM"], "rb"))
    bot.voice.play(source, after=lambda error: say("played", error=str(error) if error else None))
    await interaction.edit_original_response(content="Playing")


@bot.tree.command(description="Leaves")
async def leave(interaction: discord.Interaction):
    await bot.voice.disconnect()
    await interaction.response.send_message("Bye")
    say("left")


if "--debug" in sys.argv:
    discord.utils.setup_logging(level=10)
bot.run(os.environ["SANDBOX_TOKEN"], log_handler=None)
