//! Clauses: paragraphs of the chapters that begin with `**[QP-12]**`.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// A numbered paragraph.
pub struct Clause {
    pub chapter: String,
    pub number: u32,
    pub text: String,
    /// `file:line`, relative to the workspace.
    pub place: String,
}

impl Clause {
    /// Sorts by chapter, then by number.
    pub fn key(&self) -> (String, u32) {
        (self.chapter.clone(), self.number)
    }

    /// True for a clause that binds somebody.
    pub fn must(&self) -> bool {
        self.text.contains("MUST")
    }
}

/// `QP-12` as its parts.
pub fn parse_id(id: &str) -> Option<(String, u32)> {
    let (chapter, number) = id.split_once('-')?;
    let upper = !chapter.is_empty() && chapter.bytes().all(|b| b.is_ascii_uppercase());
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (upper && digits).then(|| Some((chapter.to_owned(), number.parse().ok()?)))?
}

/// Reads all chapters of a folder.
pub fn read(folder: &Path) -> Result<Vec<Clause>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    files.sort();
    let mut clauses: Vec<Clause> = Vec::new();
    for file in files {
        let name = format!(
            "firmware-spec/chapters/{}",
            file.file_name().unwrap_or_default().to_string_lossy()
        );
        let text = std::fs::read_to_string(&file)?;
        let mut open = false;
        for (index, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", index + 1);
            if let Some(rest) = line.strip_prefix("**[") {
                let Some((id, rest)) = rest.split_once("]**") else {
                    bail!("{place}: a clause begins with **[CHAPTER-number]**");
                };
                let Some((chapter, number)) = parse_id(id) else {
                    bail!("{place}: {id:?} is not of the form QP-12");
                };
                if clauses
                    .iter()
                    .any(|c| c.chapter == chapter && c.number == number)
                {
                    bail!("{place}: {id} is used already");
                }
                clauses.push(Clause {
                    chapter,
                    number,
                    text: rest.to_owned(),
                    place,
                });
                open = true;
            } else if line.trim().is_empty() || line.starts_with('#') {
                open = false;
            } else if open && let Some(clause) = clauses.last_mut() {
                clause.text.push(' ');
                clause.text.push_str(line);
            }
        }
    }
    Ok(clauses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_ends_with_its_paragraph() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("a.md"),
            "# T\n\n**[QP-1]** It MUST\nwork.\n\nNot MUST part.\n\n**[QP-2]** It MAY.\n",
        )
        .unwrap();
        let clauses = read(dir.path()).unwrap();
        assert_eq!(clauses.len(), 2);
        assert_eq!(clauses[0].text.trim(), "It MUST work.");
        assert!(clauses[0].must() && !clauses[1].must());
    }

    #[test]
    fn an_id_used_twice_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.md"), "**[QP-1]** A.\n\n**[QP-1]** B.\n").unwrap();
        assert!(
            read(dir.path())
                .err()
                .unwrap()
                .to_string()
                .contains("used already")
        );
    }
}
