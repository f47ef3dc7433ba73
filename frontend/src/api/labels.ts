/** Labels as people write them: `key=value`. */
const KEY = /^[A-Za-z0-9_.\-/]{1,63}$/;
const LONGEST_VALUE = 255;

/** Key and value, or null where the API would refuse them. */
export function parseLabel(text: string): [string, string] | null {
  const at = text.indexOf("=");
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  const isValue = value.length <= LONGEST_VALUE && [...value].every((character) => character >= " ");
  return at > 0 && KEY.test(key) && isValue ? [key, value] : null;
}
