// The input line: type "/", pick a command, fill in its options (with the bot's suggestions), press Enter.
import * as api from "./api.js";

const input = document.querySelector("#input"), chips = document.querySelector("#chips"), popup = document.querySelector("#popup");
const form = document.querySelector("#composer");
let context, command = null, values = [], active = 0, choices = [], chosen = 0, asked = 0, timer;

/** `context()` gives {user, guild, channel, commands}; `say(text)` shows an error. */
export function start(getContext, say) {
  context = getContext;
  input.oninput = changed;
  input.onkeydown = key;
  input.onblur = () => setTimeout(() => (popup.hidden = true), 150);
  form.onsubmit = (event) => { event.preventDefault(); submit(say); };
}

export function reset() {
  command = null; values = []; active = 0; input.value = "";
  input.placeholder = "Type / for commands"; show([]); drawChips();
}

function changed() {
  if (!command) {
    const typed = /^\/(\S*)(\s)?/.exec(input.value);
    if (!typed) return show([]);
    const found = context().commands.filter((entry) => entry.name.startsWith(typed[1].toLowerCase()));
    const exact = found.find((entry) => entry.name === typed[1]);
    if (typed[2] && exact) return pick(exact, input.value.slice(typed[0].length));
    return show(found.map((entry) => ({ name: "/" + entry.name, note: entry.description, use: () => pick(entry, "") })));
  }
  values[active] = { text: input.value };
  suggest();
}

function pick(entry, rest) {
  command = entry; values = []; active = 0;
  input.value = rest;
  if (rest) values[0] = { text: rest };
  show([]); drawChips(); suggest();
  input.focus();
}

const options = () => command?.options ?? [];

function drawChips() {
  chips.replaceChildren();
  if (!command) return;
  const node = (text, label, on) => {
    const chip = document.createElement("span");
    chip.className = on ? "chip on" : "chip";
    if (label) { const name = document.createElement("b"); name.textContent = label; chip.append(name); }
    chip.append(text); chips.append(chip);
    return chip;
  };
  node("/" + command.name);
  options().forEach((option, index) => {
    if (index !== active && values[index]?.text) node(values[index].text, option.name).onclick = () => go(index);
  });
  const option = options()[active];
  if (option) node(option.name, "", true);
  input.placeholder = option ? option.description : "press Enter";
}

function go(index) {
  active = index;
  input.value = values[index]?.text ?? "";
  show([]); drawChips(); suggest();
}

function suggest() {
  const option = options()[active];
  if (!option) return show([]);
  const take = (choice) => ({ name: choice.name, note: "", use: () => {
    values[active] = { text: choice.name, value: choice.value };
    input.value = choice.name; show([]);
    if (active + 1 < options().length) go(active + 1);
  } });
  if (option.choices) return show(option.choices.filter((c) => c.name.toLowerCase().includes(input.value.toLowerCase())).map(take));
  if (option.type === 5) return show([{ name: "true", value: true }, { name: "false", value: false }].map(take));
  if (!option.autocomplete) return show([]);
  clearTimeout(timer);
  const number = ++asked;
  timer = setTimeout(async () => {
    try {
      const found = await api.autocomplete({ ...where(), command: command.name, options: filled(true) });
      if (number === asked && command) show(found.choices.map(take));
    } catch { if (number === asked) show([]); }
  }, 120);
}

function where() {
  const { user, guild, channel } = context();
  return { user_id: user, guild_id: guild, channel_id: channel };
}

function filled(focused) {
  return options().flatMap((option, index) => {
    const given = values[index];
    if (!given?.text && !(focused && index === active)) return [];
    let value = given?.value ?? given?.text ?? "";
    if (!(focused && index === active)) {
      // What is no number becomes null, and is refused.
      if (option.type === 4 || option.type === 10) value = Number(value);
      if (option.type === 5) value = value === true || value === "true";
    }
    return [{ name: option.name, type: option.type, value, ...(focused && index === active ? { focused: true } : {}) }];
  });
}

function show(list) {
  choices = list; chosen = 0; popup.hidden = !list.length;
  popup.replaceChildren(...list.map((choice, index) => {
    const node = document.createElement("button");
    node.type = "button"; node.className = index ? "choice" : "choice on"; node.setAttribute("role", "option");
    const name = document.createElement("span"), note = document.createElement("small");
    name.textContent = choice.name; note.textContent = choice.note; node.append(name, note);
    node.onmousedown = (event) => { event.preventDefault(); choice.use(); };
    return node;
  }));
}

function key(event) {
  if (!popup.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : choices.length - 1)) % choices.length;
    [...popup.children].forEach((node, index) => node.classList.toggle("on", index === chosen));
    popup.children[chosen].scrollIntoView({ block: "nearest" });
  } else if (event.key === "Tab" || (event.key === "Enter" && !popup.hidden && (!command || options()[active]?.autocomplete || options()[active]?.choices))) {
    if (!popup.hidden) { event.preventDefault(); choices[chosen].use(); }
    else if (command && active + 1 < options().length) { event.preventDefault(); go(active + 1); }
  } else if (event.key === "Escape") {
    clearTimeout(timer); asked++;
    if (popup.hidden) reset(); else show([]);
  } else if (event.key === "Backspace" && command && !input.value) {
    event.preventDefault();
    if (active) go(active - 1); else reset();
  }
}

async function submit(say) {
  if (!command) return input.value.trim() && say("Only slash commands work here: type /");
  const missing = options().findIndex((option, index) => option.required && !values[index]?.text);
  if (missing >= 0) { go(missing); return say(`"${options()[missing].name}" is needed`); }
  const body = { ...where(), command: command.name, options: filled(false) };
  reset();
  try { await api.command(body); } catch (error) { say(error.message); }
}
