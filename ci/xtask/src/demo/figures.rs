//! What `rnic-pair` prints, as a table.

use std::fmt;

use anyhow::{Context, Result};

/// Facts of one run, in the order in which they were printed.
#[derive(Debug, Default)]
pub struct Figures {
    verified: Vec<(String, u32)>,
    measured: Vec<(String, f64, String)>,
}

impl Figures {
    /// Takes the lines that begin with `pair verified` and `pair measured`.
    pub fn parse(lines: &[String]) -> Result<Self> {
        let mut figures = Self::default();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["pair", "verified", name, count] => {
                    let count = count
                        .parse()
                        .with_context(|| format!("not a count: {line}"))?;
                    figures.verified.push(((*name).to_owned(), count));
                }
                ["pair", "measured", name, value, unit] => {
                    let value = value
                        .parse()
                        .with_context(|| format!("not a number: {line}"))?;
                    figures
                        .measured
                        .push(((*name).to_owned(), value, (*unit).to_owned()));
                }
                _ => (),
            }
        }
        Ok(figures)
    }

    /// How many transfers of an operation were verified.
    pub fn verified(&self, name: &str) -> u32 {
        self.verified
            .iter()
            .find(|(n, _)| n == name)
            .map_or(0, |(_, count)| *count)
    }

    /// Figures with this unit.
    pub fn with_unit<'a>(&'a self, unit: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.measured
            .iter()
            .filter(move |(_, _, u)| u == unit)
            .map(|(name, value, _)| (name.as_str(), *value))
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.measured
            .iter()
            .find(|(n, _, _)| n == name)
            .map(|(_, value, _)| *value)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "verified, byte by byte:")?;
        for (name, count) in &self.verified {
            writeln!(f, "  {name:<18} {count:>4}")?;
        }
        writeln!(f, "latency, guest to guest, post to completion:")?;
        writeln!(f, "  {:<18} {:>10} {:>10}", "", "p50 us", "p99 us")?;
        for (name, p50) in self.with_unit("us") {
            let Some(name) = name.strip_suffix("_p50") else {
                continue;
            };
            let p99 = self.value(&format!("{name}_p99")).unwrap_or(f64::NAN);
            writeln!(f, "  {name:<18} {p50:>10.1} {p99:>10.1}")?;
        }
        writeln!(
            f,
            "bandwidth, 1 MiB a transfer, next to memcpy in the guest:"
        )?;
        let memcpy = self.value("memcpy_1m");
        for (name, value) in self.with_unit("MB/s") {
            match memcpy {
                Some(copy) if copy > 0.0 => {
                    writeln!(
                        f,
                        "  {name:<18} {value:>10.0} MB/s  {:>6.2} x memcpy",
                        value / copy
                    )?;
                }
                _ => writeln!(f, "  {name:<18} {value:>10.0} MB/s")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_taken_and_noise_is_not() {
        let lines = [
            "booting",
            "pair verified send 5",
            "pair measured write_64_p50 12.50 us",
            "pair measured write_64_p99 20.00 us",
            "pair measured write_1m 500.0 MB/s",
            "pair measured memcpy_1m 1000.0 MB/s",
        ]
        .map(str::to_owned);
        let figures = Figures::parse(&lines).unwrap();
        assert_eq!(figures.verified("send"), 5);
        assert_eq!(figures.verified("atomics"), 0);
        let table = figures.to_string();
        assert!(
            table.contains("write_64                 12.5       20.0"),
            "{table}"
        );
        assert!(table.contains("0.50 x memcpy"), "{table}");
        assert!(Figures::parse(&["pair verified send many".to_owned()]).is_err());
    }
}
