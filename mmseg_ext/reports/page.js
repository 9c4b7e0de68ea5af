'use strict';

// Parts of all pages: elements, and sorting by text or, where all values are numbers, by number.

const get = (id) => document.getElementById(id);
const compareText = new Intl.Collator('en', { numeric: true }).compare;

const counted = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// An empty value is missing: it is neither text nor a number.
function isNumeric(values) {
  const present = values.filter((value) => value !== '');
  return present.length > 0 && present.every((value) => !Number.isNaN(Number(value)));
}

// Missing values come last in either direction.
function sorted(items, valueOf, numeric, descending) {
  const compare = numeric ? (a, b) => a - b : compareText;
  const present = items.filter((item) => valueOf(item) !== '');
  const missing = items.filter((item) => valueOf(item) === '');
  present.sort((a, b) => (descending ? -1 : 1) * compare(valueOf(a), valueOf(b)));
  return [...present, ...missing];
}

// Turn the heading of a column into a button: the first click sorts numbers from the largest and text from A.
function makeSortable(heading, numeric, sortRows) {
  const button = element('button', { type: 'button', textContent: heading.textContent });
  heading.replaceChildren(button);
  button.addEventListener('click', () => {
    const before = heading.getAttribute('aria-sort');
    const descending = before ? before === 'ascending' : numeric;
    for (const other of heading.parentElement.cells) other.removeAttribute('aria-sort');
    heading.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    sortRows(descending);
  });
}
