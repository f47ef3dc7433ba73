/** What fields are called: the name of the parameter in words, unless its author has given it a title. */

/** `group_by` and `GroupBy` as "Group by". */
export function sentenceCase(name: string): string {
  const words = name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1_$2")
    .replaceAll("_", " ")
    .trim()
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** As pydantic makes a title of a name that has none. */
const titleCase = (name: string): string =>
  name
    .replaceAll("_", " ")
    .trim()
    .replace(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());

export const titleOf = (name: string, title: string | undefined): string =>
  title === undefined || title === titleCase(name) ? sentenceCase(name) || name : title;
