// Buttons and keys, from one list of actions.

/** @typedef {{group: string, name: string, key: string, text: string, more?: string, run: () => void, also?: string[],
 *   pressed?: () => boolean, enabled?: () => boolean}} Action `group` is the element that the button is put into */

const isEnabled = (/** @type {Action} */ { enabled }) => !enabled || enabled();

/** @param {Action} action */
function run(action) {
  if (isEnabled(action)) action.run();
}

/** Set an attribute where it changes: a pointer asks for it with every move.
 * @param {Element} element @param {string} name @param {boolean} value */
export function setFlag(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** @param {string} key */
export function makeKey(key) {
  const shown = document.createElement('kbd');
  shown.textContent = key;
  return shown;
}

export class Controls {
  /** @param {Action[]} actions @param {() => void} clicked called after the click of a mouse or finger */
  constructor(actions, clicked) {
    this.actions = actions;
    this.buttons = actions.map((action) => {
      const button = document.createElement('button');
      const key = makeKey(shownKey(action));
      key.setAttribute('aria-hidden', 'true');
      button.append(action.text, key);
      button.id = `do-${action.name}`;
      button.setAttribute('aria-keyshortcuts', shownKey(action));
      button.title = action.more ?? '';
      button.addEventListener('click', (event) => {
        run(action);
        if (event.detail) clicked(); // 0: a key has pressed it
      });
      document.getElementById(action.group)?.append(button);
      return button;
    });
  }

  /** Bring the buttons up to date. */
  update() {
    this.actions.forEach((action, i) => {
      if (action.pressed) setFlag(this.buttons[i], 'aria-pressed', action.pressed());
      setFlag(this.buttons[i], 'aria-disabled', !isEnabled(action)); // `disabled` would take the focus away
    });
  }

  /** Do what a key stands for. @param {string} key @returns whether it stands for anything */
  press(key) {
    const action = this.actions.find((each) => each.key === key || each.also?.includes(key));
    if (action) run(action);
    return action !== undefined;
  }

  /** Write down what each key does. @param {HTMLTableSectionElement} table @param {string[][]} others key and text */
  list(table, others) {
    const own = this.actions.map((action) => [[shownKey(action), ...(action.also ?? [])], action.more ?? action.text]);
    for (const [keys, text] of [...own, ...others.map(([key, text]) => [[key], text])]) {
      const row = table.insertRow();
      const head = document.createElement('th');
      head.scope = 'row';
      for (const key of keys) head.append(makeKey(key), ' ');
      row.append(head);
      row.insertCell().textContent = String(text);
    }
  }
}

const shownKey = (/** @type {Action} */ { key }) => (/^[A-Z]$/.test(key) ? `Shift+${key.toLowerCase()}` : key);
