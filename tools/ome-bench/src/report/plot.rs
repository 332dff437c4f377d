//! A long run as a picture: latency, throughput and memory over time, one color for each engine.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::results::Results;
use crate::measure::{Moment, gigabytes_per_second};

const SIZE: (u32, u32) = (1200, 1080);

/// Colors that color-blind people tell apart (Okabe and Ito).
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

/// One engine's run.
pub struct Curve<'a> {
    /// Its name.
    pub name: &'a str,
    /// The run over time.
    pub moments: &'a [Moment],
}

/// Draws the last run of every engine that was followed over time.
pub fn draw_results(path: &Path, results: &Results) -> Result<()> {
    let curves: Vec<Curve<'_>> = results
        .engines
        .iter()
        .filter_map(|engine| Some(Curve { name: &engine.name, moments: &engine.runs.last()?.timeline }))
        .filter(|curve| !curve.moments.is_empty())
        .collect();
    let it = &results.configuration;
    let camera = it.rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate} frames per second"));
    let title = format!("{} {}, {}, {}", it.dimensions, it.dtype, it.compression, camera);
    draw(path, &title, it.frame_bytes, it.memory_limit, &curves)
}

/// One line of one picture: how it is called, and its points.
type Line = (String, Vec<(f64, f64)>);

/// A value of each piece of time, and what it is called.
type Named = (&'static str, fn(&Moment) -> f64);

/// Draws `curves` into an SVG file.
pub fn draw(path: &Path, title: &str, frame_bytes: u64, memory_limit: u64, curves: &[Curve<'_>]) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", path.display());
    let end = curves.iter().filter_map(|curve| curve.moments.last()).map(|moment| moment.seconds).fold(0.1, f64::max);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let area = area.titled(title, ("sans-serif", 20)).map_err(|error| failed(&error))?;
    let parts = area.split_evenly((3, 1));
    let [latency, throughput, memory] = parts.as_slice() else { return Err(failed(&"the picture has no parts")) };

    let latencies = of_each(curves, &[("p50", |moment| moment.p50_us / 1e3), ("max", |moment| moment.max_us / 1e3)]);
    logarithmic(latency, "append, ms", end, &latencies).map_err(|error| failed(&error))?;

    let rates = curves
        .iter()
        .map(|curve| {
            let mut start = 0.0;
            let points = curve.moments.iter().map(|moment| {
                let width = moment.seconds - start;
                start = moment.seconds;
                (moment.seconds, gigabytes_per_second(moment.frames * frame_bytes, width))
            });
            vec![(curve.name.to_owned(), points.collect())]
        })
        .collect::<Vec<_>>();
    linear(throughput, "accepted, GB/s", end, &rates, None).map_err(|error| failed(&error))?;

    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let known = curves
        .iter()
        .map(|curve| {
            let line = |name: &str, value: fn(&Moment) -> Option<u64>| {
                let points = curve.moments.iter().filter_map(|moment| Some((moment.seconds, mib(value(moment)?))));
                (format!("{} {name}", curve.name), points.collect())
            };
            vec![line("resident", |moment| moment.resident), line("in flight", |moment| moment.in_flight)]
        })
        .collect::<Vec<_>>();
    linear(memory, "memory, MiB", end, &known, Some(("memory_limit", mib(memory_limit))))
        .map_err(|error| failed(&error))?;
    area.present().map_err(|error| failed(&error))
}

/// The same lines for each engine.
fn of_each(curves: &[Curve<'_>], lines: &[Named]) -> Vec<Vec<Line>> {
    curves
        .iter()
        .map(|curve| {
            lines
                .iter()
                .map(|(name, value)| {
                    let busy = curve.moments.iter().filter(|moment| moment.frames > 0);
                    (format!("{} {name}", curve.name), busy.map(|moment| (moment.seconds, value(moment))).collect())
                })
                .collect()
        })
        .collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failed = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;

fn linear(
    area: &Area<'_>,
    title: &str,
    end: f64,
    engines: &[Vec<Line>],
    level: Option<(&str, f64)>,
) -> Result<(), Failed> {
    let top = highest(engines).max(level.map_or(0.0, |(_, at)| at)).max(1e-3) * 1.1;
    let mut chart = frame(area, title).build_cartesian_2d(0.0..end, 0.0..top)?;
    chart.configure_mesh().x_desc("seconds").y_desc(title).light_line_style(WHITE).draw()?;
    if let Some((name, at)) = level {
        let style = BLACK.mix(0.5).stroke_width(1);
        chart
            .draw_series(LineSeries::new([(0.0, at), (end, at)], style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    lines(&mut chart, engines)
}

fn logarithmic(area: &Area<'_>, title: &str, end: f64, engines: &[Vec<Line>]) -> Result<(), Failed> {
    let top = highest(engines).max(1e-2) * 2.0;
    let mut chart = frame(area, title).build_cartesian_2d(0.0..end, (1e-3..top).log_scale())?;
    chart.configure_mesh().x_desc("seconds").y_desc(title).light_line_style(WHITE).draw()?;
    lines(&mut chart, engines)
}

fn frame<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(area);
    chart.caption(title, ("sans-serif", 16)).margin(8).x_label_area_size(36).y_label_area_size(64);
    chart
}

/// Draws the lines of each engine in its color, the second one thinner, with a legend.
fn lines<'b, Y>(
    chart: &mut ChartContext<'b, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Y>>,
    engines: &[Vec<Line>],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>>
where
    Y: Ranged<ValueType = f64>,
{
    for (engine, color) in engines.iter().zip(COLORS.iter().cycle()) {
        for (nth, (name, points)) in engine.iter().enumerate() {
            let style = if nth == 0 { color.stroke_width(2) } else { color.mix(0.6).stroke_width(1) };
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
        }
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()
}

fn highest(engines: &[Vec<Line>]) -> f64 {
    engines.iter().flatten().flat_map(|(_, points)| points).map(|(_, value)| *value).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_well_formed_and_names_what_it_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        let moments: Vec<Moment> = (1..=20)
            .map(|nth| Moment {
                seconds: f64::from(nth) * 0.1,
                frames: 10,
                p50_us: 500.0,
                max_us: 9000.0,
                resident: Some(300 << 20),
                in_flight: Some(100 << 20),
                ..Moment::default()
            })
            .collect();
        let curves = [Curve { name: "zarrs", moments: &moments }, Curve { name: "empty <&>", moments: &[] }];
        draw(&path, "t:20 & more", 1 << 20, 1 << 30, &curves).unwrap();

        let text = std::fs::read_to_string(&path).unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        let (mut words, mut polylines) = (String::new(), 0);
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Text(text) => words.push_str(&text.decode().unwrap()),
                quick_xml::events::Event::Empty(tag) if tag.name().as_ref() == b"polyline" => polylines += 1,
                _ => {}
            }
        }
        for word in ["append, ms", "accepted, GB/s", "memory, MiB", "memory_limit", "zarrs p50", "zarrs resident"] {
            assert!(words.contains(word), "{word} is missing");
        }
        assert!(polylines > 10, "{polylines}");
    }

    #[test]
    fn a_picture_that_cannot_be_written_is_told_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join("plot.svg");
        let problem = draw(&path, "x", 1, 1, &[]).unwrap_err().to_string();
        assert!(problem.contains("plot.svg"), "{problem}");
    }
}
