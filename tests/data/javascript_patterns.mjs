// Writes javascript_patterns.json: what Node answers to many patterns with the flag i. The tests read the file and need no Node.
//   node --regexp-interpret-all tests/data/javascript_patterns.mjs
// Made with Node 20; a newer one accepts a few patterns more. Its compiler errs for a few patterns that its interpreter gets right.
import { writeFileSync } from "node:fs";

const raw = String.raw;

// Every pattern is searched in every one of these.
const texts = [
  "", "a", "b", "A", "aa", "ab", "aab", "abab", "aaa bbb", "foo", "Foo Bar", "a\nb", "a\r\nb", "\r\n", "a\u2028b", "a\u2029", "\n", "\t\v\f ",
  "\u00a0\ufeff\u3000", "\0", "\b\x1b", "0123", "a1_B-2", "\u0663", "kK\u212a", "sS\u017f", "iI\u0130\u0131", "\u00e9\u00c9e\u0301", "\u00df\u1e9eSS",
  "\u03c3\u03c2\u03a3", "\u03b8\u03d1\u03f4\u0398", "\u00b5\u03bc\u039c", "\u01c4\u01c5\u01c6", "\u{1f600}", "a\u{1f600}b\u{1f601}", "\u{10400}\u{10428}", "\ud83d",
  "\ude00\ud83d", "\u0001!\u001f", "ababb", "abaab", "aaaa", "{,3} a{,3} a{1", "uuu u{3} p{L} x{41}", "[:alpha:] :]", "\\ \\c \\A AZz", "]^-", "cost $42, 10%", "k<n> <word>",
  "systemctl restart nginx", "sudo rm -rf /var/lib\nnginx -t\n", "apt-get install -y nginx", "2026-11-22T10:00:00Z", "line one\nline two\nline three",
];

// Patterns by what they are about.
const curated = {
  operations: [raw`nginx\s+-t`, raw`systemctl.*(reload|restart|start).*nginx`, raw`apt(-get)?\s+.*(install|purge|remove).*nginx`, "syntax|semicolon|missing ;", raw`\brm\s+-\w*r`,
    raw`(?:^|\n)nginx -t(?:$|\n)`, raw`^sudo\b`, raw`/var/lib$`, raw`\d{4}-\d\d-\d\d`, raw`(?<y>\d{4})-(?<m>\d{2})-(?<d>\d{2})`, raw`cost \$\d+`, raw`[\s\S]*nginx[\s\S]*`, raw`rm\s+(-[a-z]+\s+)*\/`,
    raw`line (?!one)\w+`, raw`(?<!line )t\w+`, raw`(?=.*nginx)(?=.*-t)`, raw`^(?!.*reinstall)[\s\S]*$`, raw`\b(\w+) \1`, raw`restart.*ngin(?=x)`, raw`(sudo )?rm`, raw`T.*Z$`, raw`[^\n]+\n[^\n]+$`, raw`\S+\s+\S+`, raw`(?:a|b|foo)+`, raw`kill\s+(-s\s*)?-?(9|KILL)\b`],
  dots: [".", "..", "^.$", "^..$", "a.b", "a..b", ".*", ".+", ".*?", ".+?", "^.*$", "[^]", "[^]*", "^[^]$", "^[^]{2}$", raw`[\s\S]`, raw`[\s\S]+`, raw`[\w\W]+`, "(.|\n)*", "[.]", raw`\.`],
  ends: ["^", "$", "^$", "^^", "$$", "a$", "b$", "^a", "^b", raw`\n$`, "$\n", raw`\n^`, "(^|a)b", "(a|$)", "x*$", "^x*", "^(?:)", raw`^\s*$`, "a^b", "a$b", "(?=$)", "(?<=^)", "[$^]", raw`\$`, raw`\^`],
  words: [raw`\b`, raw`\B`, raw`\ba`, raw`a\b`, raw`\Ba`, raw`a\B`, raw`\b\b`, raw`\b\B`, raw`\b\w+\b`, raw`\bé`, raw`é\b`, raw`\b\u017f`, raw`\bk\B`, raw`[\b]`, raw`\w\b.`, raw`^\b`, raw`\b$`, raw`\B$`],
  sets: [raw`\d`, raw`\D`, raw`\w`, raw`\W`, raw`\s`, raw`\S`, raw`\d+`, raw`\D+`, raw`\w+`, raw`\W+`, raw`\s+`, raw`\S+`, raw`[\d]`, raw`[^\d]`, raw`[\D]`, raw`[^\D]`, raw`[\w]`, raw`[^\w]`, raw`[\W]`, raw`[^\W]`, raw`[\s]`, raw`[^\s]`, raw`[\S]`, raw`[^\S]`,
    raw`[\d\s]`, raw`[^\d\s]`, raw`[\d-x]`, raw`[x-\d]`, raw`[\w-]`, raw`[\s-\d]`, raw`[a-\w]`, raw`[\d-]+`, raw`[^\w\s]`, raw`[\W\d]`, raw`[^\W_]`, raw`[\D\d]`, raw`[^\D\d]`],
  classes: ["[]", "[^]", "[]a", "[]a]", "[^]a", "[^]a]", "[a]", "[^a]", "[ab]", "[^ab]", "[a-c]", "[^a-c]", "[c-a]", "[A-z]", "[Z-a]", "[a-]", "[-a]", "[a-b-c]", "[--a]", "[+--]", "[a^]", "[^^]", "[[]", "[[a]", "[[a]]", "[[:alpha:]]", "[^[:space:]]", "[:alpha:]", "[a&&b]", "[a--b]",
    raw`[\]]`, raw`[\\]`, raw`[^\]]`, raw`[\-]`, raw`[a\-z]`, raw`[\n\r]`, raw`[\t]`, raw`[\0]`, raw`[\x41]`, raw`[\x4]`, raw`[\u0041]`, raw`[\u004]`, raw`[\u{41}]`, raw`[\cA]`, raw`[\c1]`, raw`[\c_]`, raw`[\c]`, raw`[\c!]`, raw`[\1]`, raw`[\8]`, raw`[\101]`, raw`[\400]`, raw`[\B]`, raw`[\k]`, raw`[\z]`, raw`[\p{L}]`, raw`[\x00-\x7f]`, raw`[^\x00-\x7f]`,
    raw`[\x20-\x7e]+`, raw`[^\x20-\x7e]`, raw`[\u0080-\uffff]`, raw`[^\u0080-\uffff]`, raw`[\0-\uffff]`, raw`[^\0-\uffff]`, "[a", "[", "[^", "a]", "]", "[]", "[a-z", raw`[\]`, raw`[a\]`, "[é]", "[à-ü]", "[^é]", "[ſ]", "[K]", "[i-k]", "[^k]", "[^s]", "[r-t]", "[ı]", "[İ]", "[ß]", "[ẞ]", "[Σ]", "[ͰͿ-Ͽ]"],
  literals: ["a", "A", "aa", "foo", "BAR", " ", "-", "é", "É", "ß", "ẞ", "ss", "ſ", "s", "S", "k", "K", "K", "i", "I", "ı", "İ", "σ", "ς", "Σ", "θ", "ϑ", "ϴ", "µ", "μ", "ǅ", "ǆ", "ΐ", "ᾀ", "ᾈ", "Ω", "Ω", "å", "Å", "ﬁ", "ﬅ", "ﬆ", "٣", "\u{1f600}", "\u{1f600}+", "\u{1f601}?", "(\u{1f600})", "[\u{1f600}]", "^[\u{1f600}]$", "[\u{1f600}\u{1f601}]+", "[^\u{1f600}]", "[\u{1f600}-\u{1f601}]", "\u{10400}", "\u{10428}", "^\u{1f600}$", "\u{1f600}.", ".\u{1f601}",
    "}", "{", "a{", "a}", "{}", "a{}", "a{a}", "a{,}", "a{,3}", "{,3}", "a{1", "a{1,", "a{1,2", "x{-1}", "a{ 1}", "{a", "a{1 }", "/", raw`\/`, "=", "!", ":", "<", ">", "#", "%", "&", "~", "`", "'", "\"", ",", ";", "@", "\n", "\r\n", "\u2028", "\t", "\0"],
  escapes: [raw`\n`, raw`\r`, raw`\t`, raw`\v`, raw`\f`, raw`\0`, raw`\00`, raw`\000`, raw`\0000`, raw`\01`, raw`\07`, raw`\08`, raw`\1`, raw`\2`, raw`\7`, raw`\8`, raw`\9`, raw`\10`, raw`\18`, raw`\40`, raw`\60`, raw`\101`, raw`\141`, raw`\377`, raw`\400`, raw`\777`, raw`\x41`, raw`\x4`, raw`\x`, raw`\xgg`, raw`\x{41}`, raw`\u0041`, raw`\u004`, raw`\u`, raw`\u{3}`, raw`\u{61}`, raw`\u{1F600}`, raw`\\u{2}`, raw`\ud83d`, raw`\ude00`, raw`\ud83d\ude00`, raw`\ud83d\ude00+`, raw`[\ud83d\ude00]`, raw`^[\ud83d\ude00]$`, raw`[\ud800-\udfff]`, raw`[^\ud800-\udfff]`, raw`[\ud800-\udbff][\udc00-\udfff]`, raw`\u212a`, raw`\u017f`, raw`\u0130`, raw`\u0131`, raw`\u00a0`, raw`\ufeff`, raw`\u2028`,
    raw`\cA`, raw`\ca`, raw`\cJ`, raw`\cM`, raw`\c`, raw`\c1`, raw`\c_`, raw`\cé`, raw`\c[`, raw`a\c`, raw`\A`, raw`\Aa`, raw`\Z`, raw`\z`, raw`a\Z`, raw`b\z`, raw`\a`, raw`\e`, raw`\g`, raw`\G`, raw`\h`, raw`\H`, raw`\i`, raw`\j`, raw`\K`, raw`\L`, raw`\l`, raw`\m`, raw`\N`, raw`\o`, raw`\p`, raw`\p{L}`, raw`\P{L}`, raw`\pL`, raw`\p{Lu}+`, raw`\p{Script=Greek}`, raw`\Q.\E`, raw`\q`, raw`\R`, raw`\U`, raw`\V`, raw`\X`, raw`\y`, raw`\Y`, raw`\<word\>`, raw`\-`, raw`\_`, raw`\ `, raw`\é`, "\\\u{1f600}", "\\\n", raw`\]`, raw`\}`, raw`\{`, raw`\,`, raw`\:`, raw`\#`, raw`\%`, raw`\@`, raw`\\`, raw`\\\\`, "\\", "a\\"],
  groups: ["()", "(a)", "(a)(b)", "(a(b))", "((a)|b)+", "(a|ab)(c|bcd)?", "(?:a)", "(?:)", "(?:a|b)", "(|a)", "(a|)", "(|)", "|", "a|", "|a", "a||b", "(a|b|)", "(?:|a)b", "(", ")", "(()", "())", "(a", "a)", "(?", "(?a", "(?)", "(?:", "(?:a", "(?=", "(*)", "(+)", "(?*)", "(?+)",
    "(?<n>a)", "(?<n>a)(?<m>b)", raw`(?<n>a)\k<n>`, raw`\k<n>(?<n>a)`, raw`(?<n>a)\k<m>`, raw`(?<n>a)\k`, raw`(?<n>a)\k<`, raw`(?<n>a)\k<n`, raw`\k<n>`, raw`\k<n`, raw`\k`, raw`(?<n>a)[\k]`, raw`(?<n>a)\1`, "(?<n>a)(?<n>b)", "(?<n>a)|(?<n>b)", "(?<>a)", "(?<1>a)", "(?<a1>a)", "(?<$>a)", "(?<_>a)", "(?<é>a)", "(?<a-b>a)", "(?<a b>a)", "(?<n", "(?<n>", raw`(?<\u0061>a)\k<a>`, raw`(?<\u{61}>a)\k<a>`, raw`(?<a\u{62}>a)`, "(?<\u{1d4d0}>a)", raw`(?<\ud835\udcd0>a)`, raw`(?<\u{110000}>a)`, "(?<a\u200c>a)", "(?<\u200c>a)",
    "(?P<n>a)", "(?P=n)", "(?'n'a)", "(?>a)", "(?#a)", "(?|a)", "(?R)", "(?1)", "(?(1)a|b)", "(?i)a", "(?i:a)", "(?-i:a)", "(?s)a", "(?m)^a", "(?x) a", "(?im)a", "(?s:.)", "(?^a)", "(?&n)"],
  references: [raw`(a)\1`, raw`(.)\1`, raw`(\w)\1`, raw`(k)\1`, raw`(s)\1`, raw`(i)\1`, raw`(.)\1+`, raw`([^])\1`, raw`(a)|\1`, raw`\1(a)`, raw`(a\1)`, raw`(?:\1(a))+`, raw`(a)\2`, raw`(a)\10`, raw`(a)\1a`, raw`(a)(b)\2\1`, raw`(?:(a)|b)\1`, raw`(?:(a)|(b)|c)+\1`, raw`(a*)\1`, raw`(a*)*\1`, raw`(?=(a))\1`, raw`(?!(a))\1`, raw`(?<=(a))\1`, raw`(?<!(a))\1`, raw`(?<=\1(a))b`, raw`(?<=(a)\1)b`, raw`(a)(?=\1)`, raw`(?<w>\w+) \k<w>`, raw`([ab])\1{2}`, raw`(a)\1*`, raw`(a)\1?b`, raw`(?:(.)\1)*`, raw`((a)\2)+`, raw`(z)((a+)?(b+)?(c))*`, raw`(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\10`],
  looks: ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?=)", "(?!)", "(?<=)", "(?<!)", "a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", "(?=a)*", "(?=a)+b", "(?!a)?", "(?=a){2}", "(?<=a)*", "(?<=a)+", "(?<!a)?", "(?<=a){2}", "(?=a)a", "(?=(a+))a*b", "(?=a|b)", "(?<=a|ab)b", raw`(?<=\$)\d+`, raw`(?<=\d{2})\d`, raw`(?<=^|\n)l`, raw`(?<=(\d+)(\d+))$`, raw`(?<=a+)b`, raw`(?<=a+?)b`, raw`(?<!\d)\d{2}(?!\d)`, "(?=(?=a)a)", "(?!(?!a))", "(?<=(?<=a)b)", "(?<=(?=a)a)", "(?<!(?<!a)b)", "(?=.*b)a", "(?:(?=a)a)+", "(?:(?=a)|b)+", "^(?=.*a)(?=.*b)", "(?<=\u{1f600})b", raw`(?<=\ud83d)`, raw`(?<=[^])a`, raw`(?<=\b)a`, raw`(?<![\s\S])a`],
  empties: ["(?:a*)*", "(?:a*)+", "(a*)*", "(a*)+b", "(?:a?)*", "(?:a?){3}", "(?:a?){2,3}", "(?:|a)*", "(?:|a)+", "(?:a|)*", "(?:|a)?", "(?:|a){2}", "(?:|a){0,2}", "(?:a|b|)*", "(?:a*?)*", "(?:a*?)+", "(?:a*?){2}", "(?:)*", "(?:)+", "(?:){5}", "(?:^)*", "(?:$)+", raw`(?:\b)*a`, "(?:^a?)*", "(a?)*?b", "(?:a*|b)*", "(?:b|a*)*", "(?:a?b?)*", "(?:a?b??)*", "(?:a??b?)*c?", "(?:(a)|b)*", "(?:(?:a*)*)*", "(?:x*|a)+"],
  nested: ["((a+)+.)+a", "(?:(?:a+)+.)*a", "(?:(?:a|b)+.)+?a", "(?:(?:aa?)+.)+b", "(?=a)((a+)+.)+a", "(?=a)(?:(?:a{1,2})+b)+", "(?:(?:ab?){2}a?)*(?=b)", "(?:(?:a?b){1,2}(?=a|b))+", "(?:(?:a|)+?b)+", "(?:(?:a*)+b)+", "(?:(?:(a)\\1?)+b)+", "(?<=(?:(?:a+)+.)+)b", "(?<=(?:(?:ab?){1,2}a)*)b", "(?<=(?:(?:a*)+b)+)a", raw`(?<=(a*b?)(?:a(?:a?b?)+?a)*)\1b`, raw`(?<=(a*)(?:b?(?:(?:|b)a?){2,3}(?:a|b))+?b)\1b`, raw`(?<=(a*b?)(?:a(?:a??b)+b){1,2}?)\1`, raw`(.{2}(?<=a)|\1*?\1)(a)+`, raw`((a|a?\2{2,3})+(?<!(?<=a)))`, raw`\2{2,3}(?<!^(a+|(a)+\2)+)`, "(?=a)(?:b?(?:a*b?)+b?){2}a$", "a*(?:b?(?:a?){2,}.)+c", "(?=a)(?:a(?:a*){2,}.)+?(?=b)", "(?:(?:aa|a)??b)+(?!c)", "(?!c)(?:(?:ab|a){0,2}?b)+", "(?:(?:(?=a)a+)+b?)+b", "((?:a+|b)+ )+b", "(?:\\w+\\s?)+$", "(?!x)(?:\\w+\\s?)+!", "(?!x)(?:(?:\\w+ ?)+\\W?)+$"],
  errors: ["*", "+", "?", "a**", "a*+", "a++", "a?+", "a+*", "a??", "a???", "a{1}{2}", "a{2}+", "{1}", "{1,}", "{1,2}", "^*", "$*", raw`\b*`, raw`\B+`, "^{2}", "(^)*", "|*", "(|*)", "a{2,1}", "a{0}", "a{0,0}", "a{00}", "a{1,1}", "a{01,002}", "a{2147483648,2147483647}", "a{99999999999999999999}", "a{0,99999999999999999999}", "(?:a{3,2})", "{", "}{", "a{,2}*", "a{,2}{2}", "x{1,2}{", "((((((((((a))))))))))", "(?:(?:(?:a)+)+)+"],
};

// Each of these with each quantifier.
const atoms = ["a", "[ab]", "[^a]", ".", raw`\w`, raw`\s`, raw`\W`, "(a)", "(?:ab)", "(a|b)", "(a|ab)", "(ab|a)", "(?:a+b)", "(a*)", "(?:a|)", "é", "k", "\u{1f600}", raw`(\w)\1`, "(?=a)"];
const quantifiers = ["*", "+", "?", "*?", "+?", "??", "{0}", "{1}", "{2}", "{0,1}", "{1,}", "{2,}", "{1,2}", "{0,2}?", "{2,}?", "{,2}"];
const combined = atoms.flatMap((atom) => quantifiers.flatMap((quantifier) => [atom + quantifier, `${atom}${quantifier}b`]));

function answer(pattern) {
  let compiled;
  try {
    compiled = new RegExp(pattern, "i");
  } catch {
    return { pattern, compiles: false };
  }
  const found = {};
  texts.forEach((text, index) => {
    const match = compiled.exec(text);
    if (match) found[index] = [match.index, match.index + match[0].length];
  });
  return { pattern, compiles: true, found };
}

// Which code units are the same letter: each set of more than one.
function letters() {
  const all = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));
  const cased = all.filter((c) => c.toLowerCase() !== c || c.toUpperCase() !== c);
  const text = all.join("");
  const sets = cased.map((c) => text.match(new RegExp(`\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`, "gi")).join(""));
  return [...new Set(sets)].filter((set) => set.length > 1);
}

const patterns = [...new Set([...Object.values(curated).flat(), ...combined])];
const ascii = (value) => JSON.stringify(value).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
const lines = [
  `{"node": ${ascii(process.version)}, "unicode": ${ascii(process.versions.unicode)}, "texts": [`, texts.map(ascii).join(",\n"),
  `], "letters": ${ascii(letters())}, "patterns": [`, patterns.map((p) => ascii(answer(p))).join(",\n"), "]}\n",
];
writeFileSync(new URL("javascript_patterns.json", import.meta.url), lines.join("\n"));
