//! The words and signs that prose is checked for.

/// English number words above ten, and words that multiply by them.
const NUMBER_WORDS: [&str; 62] = [
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fourty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
    "dozen",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "thirtieth",
    "fortieth",
    "fiftieth",
    "sixtieth",
    "seventieth",
    "eightieth",
    "ninetieth",
    "hundredth",
    "thousandth",
    "millionth",
    "billionth",
    "twenties",
    "thirties",
    "forties",
    "fifties",
    "sixties",
    "seventies",
    "eighties",
    "nineties",
    "hundreds",
    "thousands",
    "millions",
    "billions",
    "trillions",
    "dozens",
    "hundredfold",
    "thousandfold",
    "tenfold",
];

/// Endings of host names that make a word with a dot an address.
const DOMAINS: [&str; 22] = [
    "com", "net", "org", "io", "shop", "store", "app", "dev", "info", "biz", "xyz", "top", "site", "online",
    "link", "click", "ly", "gg", "ru", "cn", "uk", "de",
];

/// What markup and links are made of.
pub(super) const MARKUP: [&str; 12] =
    ["://", "www.", "](", "![", "**", "__", "~~", "<", ">", "`", "{%", "{#"];

/// Whether a word is an English number above ten.
pub(super) fn is_number_word(word: &str) -> bool {
    let plain: String = word.chars().filter(|char| !is_joiner(*char)).flat_map(char::to_lowercase).collect();
    NUMBER_WORDS.contains(&plain.as_str())
}

/// Whether a word ends host names.
pub(super) fn is_domain(word: &str) -> bool {
    DOMAINS.contains(&word)
}

/// Whether it joins letters or keeps them apart, as some scripts need it.
pub(super) fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

/// Whether nobody sees it although it changes what is read.
pub(crate) fn is_hidden(char: char) -> bool {
    let control = char.is_control() && char != '\n';
    control
        || matches!(
            char,
            '\u{ad}' | '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Whether it is a currency sign.
pub(super) fn is_currency(char: char) -> bool {
    matches!(
        char,
        '$' | '\u{a2}'..='\u{a5}' | '\u{58f}' | '\u{60b}' | '\u{7fe}' | '\u{7ff}' | '\u{9f2}' | '\u{9f3}' | '\u{9fb}'
            | '\u{af1}' | '\u{bf9}' | '\u{e3f}' | '\u{17db}' | '\u{20a0}'..='\u{20cf}' | '\u{a838}' | '\u{fdfc}'
            | '\u{fe69}' | '\u{ff04}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}' | '\u{ffe6}'
            | '\u{11fdd}'..='\u{11fe0}' | '\u{1e2ff}' | '\u{1ecb0}'
    )
}

/// Whether it is a percent sign or the like.
pub(super) fn is_percent(char: char) -> bool {
    matches!(
        char,
        '%' | '\u{66a}' | '\u{609}' | '\u{60a}' | '\u{2030}' | '\u{2031}' | '\u{fe6a}' | '\u{ff05}'
    )
}
