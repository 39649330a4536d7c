// Discord's message components (V2 included) as DOM.
import { markdown } from "./markdown.js";

const make = (tag, className) => Object.assign(document.createElement(tag), { className: className ?? "" });

/** `press(customID, componentType, values)` is called for buttons and selects; `files` are the message's attachments. */
export function render(components, { press, files }) {
  const draw = (list) => list.map(one).filter(Boolean);
  const source = (media) => {
    const name = /^attachment:\/\/(.+)/.exec(media?.url ?? "");
    return name ? files?.find((file) => file.filename === name[1])?.url ?? "" : media?.url ?? "";
  };

  function one(component) {
    switch (component.type) {
      case 1: { const node = make("div", "row"); node.append(...draw(component.components)); return node; }
      case 2: return button(component);
      case 3: return select(component);
      case 9: {
        const node = make("div", "section"), text = make("div", "message-body");
        text.append(...draw(component.components)); node.append(text, ...draw([component.accessory].filter(Boolean)));
        return node;
      }
      case 10: { const node = make("div", "text"); node.append(markdown(component.content)); return node; }
      case 11: { const node = make("img", "thumb"); node.src = source(component.media); node.alt = component.description ?? ""; return node; }
      case 12: {
        const node = make("div", "gallery");
        for (const item of component.items) { const image = make("img"); image.src = source(item.media); image.alt = item.description ?? ""; node.append(image); }
        return node;
      }
      case 14: return make("hr", component.divider === false ? "separator none" : "separator");
      case 17: {
        const node = make("div", "container"); node.append(...draw(component.components));
        if (component.accent_color != null) node.style.borderLeftColor = "#" + component.accent_color.toString(16).padStart(6, "0");
        return node;
      }
      default: return null;
    }
  }

  function button(component) {
    const node = make("button", `btn s${component.style}`);
    node.type = "button"; node.disabled = Boolean(component.disabled);
    node.textContent = [component.emoji?.name, component.label].filter(Boolean).join(" ");
    if (component.custom_id) { node.dataset.customId = component.custom_id; node.onclick = () => press(component.custom_id, 2); }
    // The page's own origin is no place for a "javascript:" of a message.
    if (/^https?:\/\//i.test(component.url ?? "")) node.onclick = () => window.open(component.url, "_blank", "noopener");
    return node;
  }

  function select(component) {
    const node = make("select"); node.disabled = Boolean(component.disabled);
    const hint = new Option(component.placeholder ?? "Choose", ""); hint.disabled = hint.selected = true;
    node.append(hint, ...component.options.map((option) => new Option(option.label, option.value, false, Boolean(option.default))));
    node.onchange = () => press(component.custom_id, 3, [node.value]);
    return node;
  }
  return draw(components ?? []);
}
