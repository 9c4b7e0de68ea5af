// Text, or a number where every value that is there is one. What is missing stands last in either direction.
function isNumeric(values) {
  const present = values.filter((value) => value !== '');
  return present.length > 0 && present.every((value) => !Number.isNaN(Number(value)));
}

function sorted(items, valueOf, numeric, descending) {
  const compare = numeric ? (a, b) => a - b : byWords;
  const present = items.filter((item) => valueOf(item) !== '');
  const missing = items.filter((item) => valueOf(item) === '');
  present.sort((a, b) => (descending ? -1 : 1) * compare(valueOf(a), valueOf(b)));
  return [...present, ...missing];
}
