//! Names as each output language writes them.

/// `WcStatus`, `WC_STATUS` or `wc_status` as `wc_status`.
#[must_use]
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i));
        let after = chars.get(i + 1);
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || (b.is_ascii_digit() && after.is_some_and(char::is_ascii_lowercase))
                    || (b.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `WcStatus` or `wc_status` as `WC_STATUS`.
#[must_use]
pub fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// `CREATE_QP` or `create_qp` as `CreateQp`; a camel name is kept.
#[must_use]
pub fn camel(name: &str) -> String {
    snake(name)
        .split('_')
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| {
                format!("{}{}", first.to_ascii_uppercase(), chars.as_str())
            })
        })
        .collect()
}

/// Whether `name` is an identifier in Rust and C alike.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.ends_with('_')
        && !name.contains("__")
}

/// Whether the snake form of `name` is a word of Rust, so that it names no function or module.
#[must_use]
pub fn is_rust_keyword(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
        "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    KEYWORDS.contains(&snake(name).as_str())
}

/// Whether the snake form of `name` is a word of C or C++, so that it names no struct member.
#[must_use]
pub fn is_c_keyword(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "asm",
        "auto",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "explicit",
        "extern",
        "false",
        "float",
        "for",
        "friend",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "mutable",
        "namespace",
        "new",
        "operator",
        "private",
        "protected",
        "public",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "true",
        "try",
        "typedef",
        "typename",
        "union",
        "unsigned",
        "using",
        "virtual",
        "void",
        "volatile",
        "while",
    ];
    KEYWORDS.contains(&snake(name).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_follow_words() {
        for (given, expected) in [
            ("WcStatus", "wc_status"),
            ("WC_STATUS", "wc_status"),
            ("wc_status", "wc_status"),
            ("CQEntry", "cq_entry"),
            ("Mw2Bind", "mw2_bind"),
            ("QP1", "qp1"),
            ("Ipv4Address", "ipv4_address"),
        ] {
            assert_eq!(snake(given), expected);
        }
        assert_eq!(screaming("WcStatus"), "WC_STATUS");
        assert_eq!(camel("CREATE_QP"), "CreateQp");
        assert_eq!(camel("CqEntry"), "CqEntry");
    }

    #[test]
    fn identifiers_are_judged_for_both_languages() {
        assert!(is_identifier("reserved_0"));
        for bad in ["", "1st", "a-b", "a__b", "tail_", "é"] {
            assert!(!is_identifier(bad), "{bad}");
        }
        assert!(is_rust_keyword("type") && !is_rust_keyword("inline"));
        assert!(is_c_keyword("REGISTER") && !is_c_keyword("kind"));
    }
}
