// A small Discord: servers, channels, messages, the call, and the ear.
import * as api from "./api.js";
import { render } from "./components.js";
import { markdown, setNames } from "./markdown.js";
import * as composer from "./composer.js";

const $ = (id) => document.getElementById(id);
const world = { guilds: [], users: {}, messages: {}, voice: {}, speaking: new Set(), commands: [] };
const here = { user: null, guild: null, channel: null, call: null };
let queueMessage = null;

const guild = () => world.guilds.find((entry) => entry.id === here.guild);
const nameOf = (id) => world.users[id]?.global_name ?? world.users[id]?.username ?? guild()?.channels.find((c) => c.id === id)?.name ?? id;
setNames(nameOf);

function say(text) {
  $("toast").textContent = text; $("toast").hidden = false;
  clearTimeout(say.timer); say.timer = setTimeout(() => ($("toast").hidden = true), 4000);
}

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text != null) made.textContent = text;
  return made;
}

const avatar = (user) => node("span", "avatar", (nameOf(user)[0] ?? "?").toUpperCase());

// --- pictures of the state -------------------------------------------------------------------------------------

function drawGuilds() {
  $("guilds").replaceChildren(...world.guilds.map((entry) => {
    const button = node("button", entry.id === here.guild ? "on" : "", entry.name.split(/\s+/).map((word) => word[0]).join("").slice(0, 3));
    button.title = entry.name; button.onclick = () => openGuild(entry.id);
    return button;
  }));
}

function drawChannels() {
  $("guild-name").textContent = guild()?.name ?? "";
  const list = [];
  for (const channel of guild()?.channels ?? []) {
    const voice = channel.type === 2 || channel.type === 13;
    const button = node("button", channel.id === here.channel ? "channel on" : "channel", `${voice ? (channel.type === 13 ? "📡" : "🔊") : "#"} ${channel.name}`);
    button.dataset.channel = channel.id;
    button.onclick = () => (voice ? joinCall(channel.id) : openChannel(channel.id));
    list.push(button);
    for (const member of inCall(channel.id)) {
      const row = node("div", world.speaking.has(member) ? "in-voice speaking" : "in-voice");
      row.append(avatar(member), nameOf(member)); list.push(row);
    }
  }
  $("channels").replaceChildren(...list);
  $("call").replaceChildren(...(here.call ? inCall(here.call).map(person) : [node("li", "muted", "Join a voice channel to listen")]));
  $("members").replaceChildren(...(guild()?.members ?? []).map((member) => person(member.user?.id ?? member)));
  $("voice-panel").hidden = !here.call;
  const channel = guild()?.channels.find((entry) => entry.id === here.call);
  $("voice-text").textContent = channel ? `In ${channel.name}` : "In a call";
}

function person(id) {
  const row = node("li"); row.append(avatar(id), nameOf(id));
  if (world.users[id]?.bot) row.append(node("span", "tag", "APP"));
  return row;
}

const inCall = (channel) => Object.keys(world.voice[here.guild] ?? {}).filter((user) => world.voice[here.guild][user] === channel);

function drawMessages() {
  $("channel-name").textContent = "# " + (guild()?.channels.find((entry) => entry.id === here.channel)?.name ?? "");
  const list = (world.messages[here.channel] ?? []).map(drawMessage);
  $("messages").replaceChildren(...list);
  stick();
}

// Who reads the newest message goes on seeing the newest; who has scrolled up stays there.
let atEnd = true;
function stick() { if (atEnd) $("messages").scrollTop = $("messages").scrollHeight; }
$("messages").onscroll = ({ target }) => (atEnd = target.scrollHeight - target.scrollTop - target.clientHeight < 120);
$("messages").addEventListener("load", stick, true);
new ResizeObserver(stick).observe($("messages"));

function body(message) {
  const root = node("div", "message-body");
  if (message.flags & 128) root.append(node("p", "muted thinking", `${nameOf(message.author.id)} is thinking`));
  if (message.content) { const text = node("div"); text.append(markdown(message.content)); root.append(text); }
  const press = async (customID, type, values) => {
    try { await api.component({ user_id: here.user, guild_id: here.guild, channel_id: message.channel_id, message_id: message.id, custom_id: customID, component_type: type, values }); }
    catch (error) { say(error.message); }
  };
  root.append(...render(message.components, { press, files: message.attachments }));
  return root;
}

function drawMessage(message) {
  const ephemeral = Boolean(message.flags & 64);
  const row = node("li", ephemeral ? "message ephemeral" : "message");
  row.dataset.message = message.id;
  const used = message.interaction ?? message.interaction_metadata;
  if (used?.user) { const line = node("div", "invoked"); line.append(node("b", "", nameOf(used.user.id)), ` used ${used.name ? "/" + used.name : "a command"}`); row.append(line); }
  const head = node("div", "head", nameOf(message.author.id));
  if (message.author.bot) head.append(node("span", "tag", "APP"));
  head.append(node("small", "", new Date(message.timestamp ?? Date.now()).toLocaleTimeString()));
  const right = node("div"); right.append(head, body(message));
  row.append(avatar(message.author.id), right);
  if (ephemeral) row.append(node("div", "note", "Only you can see this"));
  return row;
}

// --- the live queue: the bot's own /queue, asked for quietly ----------------------------------------------------

let queueTimer;
function refreshQueue() {
  clearTimeout(queueTimer);
  queueTimer = setTimeout(async () => {
    if (here.guild && world.commands.some((entry) => entry.name === "queue")) {
      try { await api.command({ user_id: here.user, guild_id: here.guild, channel_id: here.channel, command: "queue", options: [], quiet: true }); } catch { /* the next round asks again */ }
    }
  }, 250);
}
setInterval(() => document.hidden || refreshQueue(), 5000);

// --- what happens -----------------------------------------------------------------------------------------------

function put(message) {
  if (message.author) world.users[message.author.id] ??= message.author;
  if (message.quiet) {
    queueMessage = message; $("queue").replaceChildren(body(message)); return;
  }
  const list = (world.messages[message.channel_id] ??= []);
  const at = list.findIndex((entry) => entry.id === message.id);
  if (at >= 0) list[at] = { ...list[at], ...message }; else list.push(message);
  if (list.length > 200) list.splice(0, list.length - 200);
  if (message.channel_id === here.channel) drawMessages();
  if (message.author?.bot) refreshQueue();
}

function happened(type, data) {
  switch (type) {
    case "MESSAGE_CREATE": case "MESSAGE_UPDATE": put(data); break;
    case "MESSAGE_DELETE":
      world.messages[data.channel_id] = (world.messages[data.channel_id] ?? []).filter((entry) => entry.id !== data.id);
      if (data.channel_id === here.channel) drawMessages();
      break;
    case "VOICE_STATE_UPDATE": {
      const states = (world.voice[data.guild_id] ??= {});
      if (data.member?.user) world.users[data.user_id] ??= data.member.user;
      if (data.channel_id) states[data.user_id] = data.channel_id; else { delete states[data.user_id]; world.speaking.delete(data.user_id); }
      if (data.user_id === here.user && data.guild_id === here.guild) listen(data.channel_id ?? null);
      drawChannels(); refreshQueue();
      break;
    }
    case "SPEAKING":
      if (data.speaking) world.speaking.add(data.user_id); else world.speaking.delete(data.user_id);
      drawChannels();
      break;
    case "MODAL": openModal(data); break;
    case "COMMANDS_UPDATE": loadCommands().catch((error) => say(error.message)); break;
    case "INTERACTION_FAILURE": say("The application did not respond"); break;
    case "GUILD_CREATE": case "GUILD_DELETE": case "CHANNEL_CREATE": case "CHANNEL_UPDATE": case "GUILD_MEMBER_ADD":
    case "GUILD_MEMBER_REMOVE": reload().catch((error) => say(error.message)); break;
  }
}

function openModal(data) {
  const form = node("form");
  form.append(node("h3", "", data.title));
  const fields = (data.components ?? []).map((entry) => entry.component ?? entry.components?.[0]).filter((entry) => entry?.type === 4);
  for (const [index, field] of fields.entries()) {
    const label = node("label", "", data.components[index].label ?? field.label), box = node("input");
    box.name = field.custom_id; box.value = field.value ?? ""; box.required = field.required ?? true; label.append(box); form.append(label);
  }
  const send = node("button", "btn s1", "Submit"); form.append(send);
  form.onsubmit = async (event) => {
    event.preventDefault(); $("modal").hidden = true;
    try { await api.modal({ user_id: here.user, guild_id: here.guild, channel_id: here.channel, custom_id: data.custom_id, fields: Object.fromEntries(new FormData(form)) }); }
    catch (error) { say(error.message); }
  };
  $("modal").replaceChildren(form); $("modal").hidden = false;
  $("modal").onclick = (event) => { if (event.target === $("modal")) $("modal").hidden = true; };
}

// --- the call ---------------------------------------------------------------------------------------------------

async function joinCall(channel) {
  try { await api.join({ user_id: here.user, guild_id: here.guild, channel_id: channel }); listen(channel); drawChannels(); }
  catch (error) { say(error.message); }
}

function listen(channel) {
  if (channel === here.call) return;
  here.call = channel;
  const ear = $("ear");
  if (!channel) { ear.pause(); ear.removeAttribute("src"); ear.load(); return; }
  ear.src = `/listen?guild_id=${here.guild}&channel=${channel}&t=${Date.now()}`;
  ear.volume = Number($("ear-volume").value);
  ear.play().catch(() => say("Click anywhere on the page to hear the call"));
}

// --- start ------------------------------------------------------------------------------------------------------

async function loadCommands() { world.commands = await api.commands(here.guild); refreshQueue(); }

function openGuild(id) {
  here.guild = id;
  listen(world.voice[id]?.[here.user] ?? null);
  openChannel(guild()?.channels.find((entry) => entry.type === 0)?.id);
  loadCommands().catch((error) => say(error.message));
}

function openChannel(id) { document.body.classList.remove("menu"); here.channel = id; atEnd = true; composer.reset(); drawGuilds(); drawChannels(); drawMessages(); }

async function reload() {
  const state = await api.state();
  world.guilds = state.guilds;
  for (const user of state.users) world.users[user.id] = user;
  world.voice = {};
  for (const entry of state.voice_states) (world.voice[entry.guild_id] ??= {})[entry.user_id] = entry.channel_id;
  world.messages = {};
  for (const message of state.messages) put(message);
  here.user ??= state.me.id;
  if (!guild() && world.guilds.length) openGuild(world.guilds[0].id); else { drawGuilds(); drawChannels(); drawMessages(); }
  $("me").replaceChildren(avatar(here.user), nameOf(here.user));
}

$("leave").onclick = async () => { try { await api.leave({ user_id: here.user, guild_id: here.guild }); listen(null); drawChannels(); } catch (error) { say(error.message); } };
$("menu").onclick = () => document.body.classList.toggle("menu");
$("ear-volume").oninput = () => ($("ear").volume = Number($("ear-volume").value));
document.addEventListener("click", () => { if (here.call && $("ear").paused) $("ear").play().catch(() => {}); });
composer.start(() => ({ ...here, commands: world.commands }), say);
reload().then(() => api.events(here.user, happened, () => setTimeout(() => reload().catch(() => {}), 1200))).catch((error) => say(error.message));
