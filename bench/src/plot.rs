//! The figures as pictures (SVG).

use std::{fs, path::Path};

use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, IntoLogRange, IntoSegmentedCoord, RGBColor, Rectangle,
    SVGBackend, SegmentValue, Text, WHITE,
};

use crate::{Result, report::Figures};

/// The colors of the functions and of what they are compared with; both are readable on light and on dark pages.
const OURS: RGBColor = RGBColor(0x0f, 0x76, 0x6e);
const OTHERS: RGBColor = RGBColor(0x94, 0xa3, 0xb8);

/// Width and height of a picture without its bars, and the height of a bar, in pixels.
const FRAME: (u32, u32) = (760, 90);
const BAR: u32 = 26;

/// Writes one picture of the starts and one of the processor time of a call.
pub fn write(root: &Path, figures: &[Figures]) -> Result<()> {
    let folder = root.join("docs/images");
    let cold = |one: &Figures| one.measured.cold.median;
    let cpu = |one: &Figures| one.measured.cpu.median;
    for (file, title, value) in [
        (
            "cold-start.svg",
            "Cold start, ms until the first event can be received (logarithmic)",
            &cold as &dyn Fn(&Figures) -> f64,
        ),
        (
            "warm-call.svg",
            "Processor time of a warm call, µs (logarithmic)",
            &cpu,
        ),
    ] {
        // A hash of a password is slow by intention.
        let shown = figures.iter().filter(|one| !one.hashes);
        let mut bars: Vec<_> = shown.map(|one| (one, value(one))).collect();
        bars.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        fs::write(folder.join(file), draw(title, &bars)?)?;
    }
    Ok(())
}

/// Horizontal bars, the first one at the bottom.
fn draw(title: &str, bars: &[(&Figures, f64)]) -> Result<String> {
    let count = u32::try_from(bars.len())?;
    let size = (FRAME.0, FRAME.1 + BAR * count);
    let highest = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, size).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 15))
            .margin(10)
            .margin_right(60)
            .x_label_area_size(28)
            .y_label_area_size(150)
            .build_cartesian_2d(
                (1.0..highest * 1.5).log_scale(),
                (0..count.saturating_sub(1)).into_segmented(),
            )?;
        let name = |place: &SegmentValue<u32>| match place {
            SegmentValue::Exact(place) | SegmentValue::CenterOf(place) => bars
                .get(*place as usize)
                .map_or(String::new(), |(one, _)| one.name.clone()),
            SegmentValue::Last => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(bars.len())
            .y_label_formatter(&name)
            .label_style(("sans-serif", 12))
            .draw()?;
        for (place, (one, value)) in (0..count).zip(bars) {
            let color = if one.is_baseline { OTHERS } else { OURS };
            let mut bar = Rectangle::new(
                [
                    (1.0, SegmentValue::Exact(place)),
                    (*value, SegmentValue::Exact(place + 1)),
                ],
                color.filled(),
            );
            bar.set_margin(3, 3, 0, 0);
            chart.draw_series([bar])?;
            let label = if *value < 100.0 {
                format!("{value:.1}")
            } else {
                format!("{value:.0}")
            };
            chart.draw_series([Text::new(
                label,
                (*value * 1.03, SegmentValue::CenterOf(place)),
                ("sans-serif", 12),
            )])?;
        }
        area.present()?;
    }
    Ok(picture)
}
