//! Text diagrams of words and of layouts.

use std::fmt::Write as _;

/// A part of a word: name, highest and lowest bit.
pub(super) struct Part<'a> {
    pub name: &'a str,
    pub hi: u32,
    pub lo: u32,
}

const LINE: usize = 96;

/// The bits of a word, highest first, in as many rows as it takes.
pub(super) fn word(parts: &[Part<'_>]) -> String {
    let mut sorted: Vec<&Part<'_>> = parts.iter().collect();
    sorted.sort_by_key(|p| std::cmp::Reverse(p.hi));
    let mut rows: Vec<Vec<(String, String)>> = vec![Vec::new()];
    let mut used = 1;
    for part in sorted {
        let bits = if part.hi == part.lo {
            part.hi.to_string()
        } else {
            format!("{}..{}", part.hi, part.lo)
        };
        let name = if crate::schema::is_reserved(part.name) {
            "-"
        } else {
            part.name
        };
        let width = bits.len().max(name.len()) + 3;
        if used + width > LINE {
            rows.push(Vec::new());
            used = 1;
        }
        used += width;
        if let Some(row) = rows.last_mut() {
            row.push((bits, name.to_owned()));
        }
    }
    let mut out = String::from("```text\n");
    for row in rows {
        let mut lines = [String::new(), String::from("+"), String::from("|")];
        for (bits, name) in &row {
            let width = bits.len().max(name.len()) + 2;
            let _ = write!(lines[0], " {bits:^width$}");
            let _ = write!(lines[1], "{}+", "-".repeat(width));
            let _ = write!(lines[2], "{name:^width$}|");
        }
        let _ = writeln!(
            out,
            "{}\n{}\n{}\n{}",
            lines[0].trim_end(),
            lines[1],
            lines[2],
            lines[1]
        );
    }
    out.push_str("```\n");
    out
}

/// A field of a layout: name, first byte, size.
pub(super) struct Member<'a> {
    pub name: &'a str,
    pub at: u64,
    pub size: u64,
}

const BYTE: usize = 9;
const ROW: u64 = 8;

/// The bytes of a layout, eight a row; rows that a field fills alone are drawn once.
pub(super) fn layout(members: &[Member<'_>]) -> String {
    let mut sorted: Vec<&Member<'_>> = members.iter().collect();
    sorted.sort_by_key(|m| m.at);
    let rule = |from: usize, to: usize| format!("{}+", "-".repeat((to - from) * BYTE - 1));
    let full = format!("       +{}\n", rule(0, 1).repeat(8));
    let mut out = String::from("```text\n  byte ");
    for byte in 0..ROW {
        let _ = write!(out, " {:^1$}", format!("+{byte}"), BYTE - 1);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out.push_str(&full);
    let mut line = String::new();
    for member in sorted {
        let mut at = member.at;
        let mut left = member.size;
        let mut shown = false;
        while left > 0 {
            let in_row = at % ROW;
            if in_row == 0 {
                line = format!("{at:>6} |");
            }
            let here = left.min(ROW - in_row);
            let rows = left / ROW;
            let mut label = if shown { "…" } else { member.name }.to_owned();
            let mut skip = here;
            if in_row == 0 && rows > 1 {
                // Whole rows of one field: drawn as one.
                skip = rows * ROW;
                label = format!(
                    "{label} ({} bytes, to {})",
                    member.size,
                    member.at + member.size - 1
                );
            }
            let width = usize::try_from(here).unwrap_or(8) * BYTE - 1;
            let label: String = if label.chars().count() > width {
                let mut short: String = label.chars().take(width - 1).collect();
                short.push('…');
                short
            } else {
                label
            };
            let _ = write!(line, "{label:^width$}|");
            shown = true;
            at += skip;
            left -= skip;
            if at % ROW == 0 {
                let _ = writeln!(out, "{line}");
                out.push_str(&full);
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{line}");
        out.push_str(&full);
    }
    out.push_str("```\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_drawn_from_its_highest_bit() {
        let parts = [
            Part {
                name: "low",
                hi: 0,
                lo: 0,
            },
            Part {
                name: "reserved_1",
                hi: 15,
                lo: 1,
            },
        ];
        let expected =
            "```text\n  15..1    0\n+-------+-----+\n|   -   | low |\n+-------+-----+\n```\n";
        assert_eq!(word(&parts), expected);
    }

    #[test]
    fn a_layout_is_drawn_in_rows_of_eight_bytes() {
        let members = [
            Member {
                name: "id",
                at: 0,
                size: 4,
            },
            Member {
                name: "a_rather_long_name",
                at: 4,
                size: 1,
            },
            Member {
                name: "rest",
                at: 5,
                size: 3,
            },
            Member {
                name: "data",
                at: 8,
                size: 24,
            },
            Member {
                name: "tail",
                at: 32,
                size: 12,
            },
        ];
        let drawn = layout(&members);
        let rows: Vec<&str> = drawn.lines().filter(|l| l.contains('|')).collect();
        assert_eq!(
            rows,
            [
                "     0 |                id                 |a_rathe…|           rest           |",
                "     8 |                        data (24 bytes, to 31)                         |",
                "    32 |                                 tail                                  |",
                "    40 |                 …                 |",
            ]
        );
    }
}
