// The part of Discord's markdown that bots use, made into DOM nodes (never into HTML text).
const rules = [
  [/^\*\*([\s\S]+?)\*\*/, "strong"], [/^__([\s\S]+?)__/, "u"], [/^~~([\s\S]+?)~~/, "s"],
  [/^\*([^*]+?)\*/, "em"], [/^_([^_]+?)_(?!\w)/, "em"],
];

function inline(text, into) {
  let plain = "";
  const flush = () => { if (plain) into.append(plain); plain = ""; };
  while (text) {
    let match;
    if ((match = /^\\([^0-9A-Za-z\s])/.exec(text))) {
      plain += match[1];
    } else if ((match = /^`([^`]+)`/.exec(text))) {
      flush(); const code = document.createElement("code"); code.textContent = match[1]; into.append(code);
    } else if ((match = /^\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/.exec(text))) {
      flush(); into.append(link(match[2], match[1]));
    } else if ((match = /^<t:(\d+)(?::\w)?>/.exec(text))) {
      plain += new Date(1000 * match[1]).toLocaleTimeString();
    } else if ((match = /^<([@#])[!&]?(\d+)>/.exec(text))) {
      flush(); const mention = document.createElement("b"); mention.textContent = match[1] + nameOf(match[2]); into.append(mention);
    } else if ((match = /^https?:\/\/[^\s<>]+/.exec(text))) {
      flush(); into.append(link(match[0], match[0]));
    } else {
      const rule = rules.find(([pattern]) => (match = pattern.exec(text)));
      if (rule) { flush(); const node = document.createElement(rule[1]); inline(match[1], node); into.append(node); }
      else { match = [text[0]]; plain += text[0]; }
    }
    text = text.slice(match[0].length);
  }
  flush();
}

function link(href, text) {
  const node = document.createElement("a");
  node.href = href; node.textContent = text; node.target = "_blank"; node.rel = "noopener noreferrer";
  return node;
}

let nameOf = (id) => id;
export function setNames(lookup) { nameOf = lookup; }

export function markdown(text) {
  const root = document.createDocumentFragment();
  for (const line of String(text).split("\n")) {
    const heading = /^(#{1,3}) (.*)/.exec(line);
    const small = /^-# (.*)/.exec(line);
    const node = document.createElement(heading ? (heading[1].length === 1 ? "h1" : "h3") : "p");
    if (small) node.className = "muted";
    inline(heading ? heading[2] : small ? small[1] : line, node);
    if (!node.childNodes.length) node.append(" ");
    root.append(node);
  }
  return root;
}
