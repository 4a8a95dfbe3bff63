//! What a bench found: figures in groups, each with the baseline of the same run and, where the
//! project has set one, the mark to reach.

use std::fmt;

use serde::Serialize;

/// A mark to reach.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Goal {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtMost(mark) => value <= mark,
            Self::AtLeast(mark) => value >= mark,
        }
    }
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The median of the runs.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Smallest and largest of the runs.
    pub range: (f64, f64),
    /// What is beside it: a name, and a value in the same unit.
    pub baseline: Option<(&'static str, f64)>,
    /// The mark.
    pub goal: Option<Goal>,
}

impl Figure {
    /// The median of several runs. Without any, not a number.
    pub fn of(name: impl Into<String>, unit: &'static str, runs: &[f64]) -> Self {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |n: usize| sorted.get(n).copied().unwrap_or(f64::NAN);
        Self {
            name: name.into(),
            value: at(sorted.len() / 2),
            unit,
            range: (at(0), at(sorted.len().saturating_sub(1))),
            baseline: None,
            goal: None,
        }
    }

    /// Puts a baseline beside it: the median of the same runs.
    pub fn beside(mut self, name: &'static str, runs: &[f64]) -> Self {
        self.baseline = Some((name, Self::of("", self.unit, runs).value));
        self
    }

    /// Sets the mark.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }
}

/// Figures that are compared with each other: one unit, one picture.
#[derive(Debug, Serialize)]
pub struct Group {
    /// What they show.
    pub title: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The command that made it.
    pub command: String,
    /// Processors and load.
    pub machine: String,
    /// Seconds since 1970.
    pub at: u64,
    /// Runs of which each figure is the median.
    pub runs: usize,
    /// The groups.
    pub groups: Vec<Group>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(command: impl Into<String>, runs: usize) -> Self {
        Self {
            command: command.into(),
            machine: super::machine(),
            at: super::now(),
            runs,
            groups: Vec::new(),
        }
    }

    /// Adds a group.
    pub fn group(&mut self, title: impl Into<String>, figures: Vec<Figure>) {
        self.groups.push(Group {
            title: title.into(),
            figures,
        });
    }
}

/// Three significant places, more for large numbers.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\n{}\nmedian of {} runs, smallest and largest",
            self.command, self.machine, self.runs
        )?;
        for group in &self.groups {
            writeln!(f, "\n{}", group.title)?;
            for figure in &group.figures {
                let (low, high) = figure.range;
                let value = short(figure.value);
                let range = format!("({} to {})", short(low), short(high));
                write!(
                    f,
                    "  {:<38} {value:>8} {:<6} {range:<20}",
                    figure.name, figure.unit
                )?;
                if let Some((name, value)) = figure.baseline {
                    write!(f, " {name} {}", short(value))?;
                }
                if let Some(goal) = figure.goal {
                    let (word, mark) = match goal {
                        Goal::AtMost(mark) => ("at most", mark),
                        Goal::AtLeast(mark) => ("at least", mark),
                    };
                    let reached = if goal.is_reached(figure.value) {
                        "reached"
                    } else {
                        "not reached"
                    };
                    write!(f, "  mark: {word} {}, {reached}", short(mark))?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_with_its_baseline_and_mark() {
        let mut report = Report::new("cargo xtask bench", 3);
        let figure = Figure::of("64 B write, p50", "us", &[3.0, 1.0, 2.5])
            .beside("shared word", &[0.3, 0.1, 0.2])
            .goal(Goal::AtMost(2.0));
        report.group("latency", vec![figure]);
        let text = report.to_string();
        for part in [
            "2.50 us",
            "(1.00 to 3.00)",
            "shared word 0.20",
            "at most 2.00, not reached",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(Goal::AtLeast(0.85).is_reached(0.85));
        assert!(!Goal::AtMost(2.0).is_reached(f64::NAN));
    }
}
