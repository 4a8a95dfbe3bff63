//! The text of a specification, and the way back from a byte to its file and line.

use std::path::Path;

use anyhow::Context;

/// Every specification file, joined in name order into one TOML document.
///
/// One document means one set of positions: a span found anywhere leads back to its line.
#[derive(Clone, Debug, Default)]
pub struct Source {
    text: String,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    shown_as: String,
    stem: String,
    start: usize,
}

impl Source {
    /// Reads every `*.toml` of `folder`; `shown_as` is the folder's name in messages.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read, or it holds no specification.
    pub fn read(folder: &Path, shown_as: &str) -> anyhow::Result<Self> {
        let mut names = Vec::new();
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list the specification in {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "toml")
                && let Some(name) = path.file_name().and_then(|n| n.to_str())
            {
                names.push(name.to_owned());
            }
        }
        anyhow::ensure!(
            !names.is_empty(),
            "{} holds no *.toml: nothing to generate from",
            folder.display()
        );
        names.sort();
        let mut source = Self::default();
        for name in names {
            let text = std::fs::read_to_string(folder.join(&name))
                .with_context(|| format!("cannot read {shown_as}/{name}"))?;
            source.add(&format!("{shown_as}/{name}"), &text);
        }
        Ok(source)
    }

    /// Appends one file.
    pub fn add(&mut self, shown_as: &str, text: &str) {
        let stem = Path::new(shown_as)
            .file_stem()
            .and_then(|s| s.to_str())
            .unwrap_or("spec")
            .to_owned();
        self.files.push(File {
            shown_as: shown_as.to_owned(),
            stem,
            start: self.text.len(),
        });
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// The joined text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn file(&self, at: usize) -> Option<&File> {
        self.files.iter().rev().find(|file| file.start <= at)
    }

    /// File and line (from 1) of a byte position.
    #[must_use]
    pub fn locate(&self, at: usize) -> (&str, usize) {
        self.file(at).map_or(("specification", 1), |file| {
            let upto = at.min(self.text.len());
            let before = self.text.get(file.start..upto).unwrap_or("");
            (&file.shown_as, before.matches('\n').count() + 1)
        })
    }

    /// Name without `.toml` of the file that holds a byte position: the group of an item.
    #[must_use]
    pub fn group(&self, at: usize) -> &str {
        self.file(at).map_or("spec", |file| &file.stem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_lead_back_to_file_and_line() {
        let mut source = Source::default();
        source.add("spec/a.toml", "one\ntwo");
        source.add("spec/b.toml", "three\nfour\n");
        assert_eq!(source.locate(0), ("spec/a.toml", 1));
        assert_eq!(source.locate(4), ("spec/a.toml", 2));
        assert_eq!(source.locate(8), ("spec/b.toml", 1));
        let four = source.text().find("four").expect("present");
        assert_eq!(source.locate(four), ("spec/b.toml", 2));
        assert_eq!(source.group(four), "b");
    }
}
