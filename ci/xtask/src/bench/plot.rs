//! A report as a picture: a row a group, bars with their names and values on them, the baseline as
//! a thin bar below, the mark as a line.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::report::{Figure, Goal, Group, Report, short};

const WIDTH: u32 = 900;
/// Pixels of a figure, and of a group's title.
const ROW: u32 = 30;
const TITLE: u32 = 40;
/// Pixels for names on the left and values on the right.
const NAMES: i32 = 300;
const VALUES: i32 = 190;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a report to an SVG file.
pub fn draw(report: &Report, file: &Path) -> Result<()> {
    let rows = |group: &Group| u32::try_from(group.figures.len()).unwrap_or(0) * ROW + TITLE;
    let height: u32 = report.groups.iter().map(rows).sum();
    let root = SVGBackend::new(file, (WIDTH, height.max(TITLE))).into_drawing_area();
    let draw = || -> std::result::Result<(), Box<dyn std::error::Error + '_>> {
        root.fill(&WHITE)?;
        let mut top = 0;
        for group in &report.groups {
            let bottom = top + i32::try_from(rows(group))?;
            let area = root
                .clone()
                .shrink((0, top), (WIDTH, u32::try_from(bottom - top)?));
            bars(&area, group)?;
            top = bottom;
        }
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("{error}"))
}

fn bars(area: &Area<'_>, group: &Group) -> std::result::Result<(), Box<dyn std::error::Error>> {
    area.draw(&Text::new(
        group.title.clone(),
        (10, 14),
        ("sans-serif", 17),
    ))
    .map_err(|e| e.to_string())?;
    let mark = |figure: &Figure| match figure.goal {
        Some(Goal::AtMost(mark) | Goal::AtLeast(mark)) => mark,
        None => 0.0,
    };
    let extent = |figure: &Figure| {
        let baseline = figure.baseline.map_or(0.0, |(_, value)| value);
        figure.value.max(baseline).max(mark(figure))
    };
    let largest = group
        .figures
        .iter()
        .map(extent)
        .fold(f64::MIN_POSITIVE, f64::max);
    let longest = f64::from(i32::try_from(WIDTH)? - NAMES - VALUES);
    // Not a number, and what is off the scale, ends at an edge.
    let pixels = |value: f64| NAMES + ((value / largest).clamp(0.0, 1.0) * longest) as i32;
    let row = i32::try_from(ROW)?;
    for (figure, at) in group.figures.iter().zip(0i32..) {
        let top = i32::try_from(TITLE)? + at * row;
        let end = pixels(figure.value);
        let bar = |top, bottom, end, color: RGBColor| {
            Rectangle::new([(NAMES, top), (end, bottom)], color.mix(0.6).filled())
        };
        area.draw(&bar(top, top + 15, end, BLUE))
            .map_err(|e| e.to_string())?;
        let mut words = format!("{} {}", short(figure.value), figure.unit);
        if let Some((name, value)) = figure.baseline {
            area.draw(&bar(top + 16, top + 22, pixels(value), GREEN))
                .map_err(|e| e.to_string())?;
            words += &format!("; {name} {}", short(value));
        }
        if figure.goal.is_some() {
            let x = pixels(mark(figure));
            area.draw(&PathElement::new([(x, top - 2), (x, top + 24)], RED))
                .map_err(|e| e.to_string())?;
        }
        let text = |words, x| Text::new(words, (x, top + 2), ("sans-serif", 13));
        area.draw(&text(figure.name.clone(), 10))
            .map_err(|e| e.to_string())?;
        area.draw(&text(words, end.max(NAMES) + 6))
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}
