//! The figures as a picture: latency on the left, bandwidth on the right.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::figures::Figures;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 380;

/// Draws the figures to an SVG file.
pub fn draw(figures: &Figures, file: &Path) -> Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let root = SVGBackend::new(file, (WIDTH, HEIGHT)).into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| anyhow!("{error}");
    root.fill(&WHITE).map_err(|e| failed(&e))?;
    let (left, right) = root.split_horizontally(WIDTH / 2);
    let latency: Vec<(String, f64)> = figures
        .with_unit("us")
        .map(|(name, value)| (name.replace('_', " "), value))
        .collect();
    let bandwidth: Vec<(String, f64)> = figures
        .with_unit("MB/s")
        .map(|(name, value)| (name.replace('_', " "), value))
        .collect();
    // From one to thousands of microseconds: on a linear scale the short ones would be no bars at all.
    let decades = |value: f64, largest: f64| {
        (value.max(1.0) * 2.0).log10() / (largest.max(1.0) * 2.0).log10()
    };
    let title = "latency, us, logarithmic (less is better)";
    bars(&left, title, &latency, BLUE, decades).map_err(|e| failed(&e))?;
    let title = "bandwidth, MB/s (more is better)";
    let linear = |value: f64, largest: f64| value / largest;
    bars(&right, title, &bandwidth, GREEN, linear).map_err(|e| failed(&e))?;
    root.present().map_err(|e| failed(&e))?;
    Ok(())
}

/// Horizontal bars with their names and values written on them, so that no legend is needed. `scale` gives a value's part
/// of the longest bar, which is the largest value's.
fn bars<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    title: &str,
    values: &[(String, f64)],
    color: RGBColor,
    scale: impl Fn(f64, f64) -> f64,
) -> std::result::Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let area = area.titled(title, ("sans-serif", 18))?;
    let (width, height) = area.dim_in_pixel();
    let largest = values
        .iter()
        .map(|(_, v)| *v)
        .fold(f64::MIN_POSITIVE, f64::max);
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX).max(1);
    let step = i32::try_from(height / count).unwrap_or(1).max(1);
    // Names take the left third, values the last 90 pixels.
    let (names, room) = (i32::try_from(width / 3).unwrap_or(0), 90);
    let longest = i32::try_from(width).unwrap_or(0) - names - room;
    for (at, (name, value)) in (0i32..).zip(values) {
        let top = at * step + step / 6;
        let bottom = at * step + step * 5 / 6;
        let part = scale(*value, largest).clamp(0.0, 1.0);
        let end = names + (part * f64::from(longest)) as i32;
        area.draw(&Rectangle::new(
            [(names, top), (end, bottom)],
            color.mix(0.6).filled(),
        ))?;
        let middle = (top + bottom) / 2 - 7;
        area.draw(&Text::new(name.clone(), (10, middle), ("sans-serif", 15)))?;
        area.draw(&Text::new(
            format!("{value:.1}"),
            (end + 6, middle),
            ("sans-serif", 15),
        ))?;
    }
    Ok(())
}

type DrawingAreaErrorKind<E> = plotters::drawing::DrawingAreaErrorKind<E>;
