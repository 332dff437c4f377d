//! A long run as a picture: latency, throughput and memory over time, one color for each engine.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
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

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failed = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;

/// One line of one picture.
struct Line {
    name: String,
    style: ShapeStyle,
    points: Vec<(f64, f64)>,
}

/// Draws the last run of every engine that was followed over time into an SVG file.
pub fn draw(path: &Path, results: &Results) -> Result<()> {
    let runs: Vec<_> = results.long_runs().collect();
    let it = &results.configuration;
    let camera = it.rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate} frames per second"));
    let title = format!("{} {}, {}, {}", it.dimensions, it.dtype, it.compression, camera);
    draw_runs(path, &title, it.frame_bytes, it.memory_limit, &runs)
        .map_err(|error| anyhow!("{}: {error}", path.display()))
}

fn draw_runs(
    path: &Path,
    title: &str,
    frame_bytes: u64,
    memory_limit: u64,
    runs: &[(&str, &[Moment])],
) -> Result<(), Failed> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let parts = area.titled(title, ("sans-serif", 20))?;
    let third = parts.dim_in_pixel().1 / 3;
    let (latency, rest) = parts.split_vertically(third);
    let (throughput, memory) = rest.split_vertically(third);

    let (mut latencies, mut rates, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let end = runs.iter().filter_map(|(_, moments)| moments.last()).map(|moment| moment.seconds).fold(0.1, f64::max);
    let limit = mib(memory_limit);
    let name = "memory_limit".to_owned();
    sizes.push(Line { name, style: BLACK.mix(0.5).stroke_width(1), points: vec![(0.0, limit), (end, limit)] });
    for ((engine, moments), color) in runs.iter().zip(COLORS.iter().cycle()) {
        let (thick, thin) = (color.stroke_width(2), color.mix(0.6).stroke_width(1));
        let line = |name: &str, style, value: &dyn Fn(&Moment) -> Option<f64>| {
            let points = moments.iter().filter_map(|moment| Some((moment.seconds, value(moment)?))).collect();
            Line { name: format!("{engine}{name}"), style, points }
        };
        let busy = |moment: &Moment, us: f64| (moment.frames > 0).then_some(us / 1e3);
        latencies.push(line(" p50", thick, &|moment| busy(moment, moment.p50_us)));
        latencies.push(line(" max", thin, &|moment| busy(moment, moment.max_us)));
        // All pieces are of one width.
        let width = moments.first().map_or(1.0, |first| first.seconds);
        rates.push(line("", thick, &|moment| Some(gigabytes_per_second(moment.frames * frame_bytes, width))));
        sizes.push(line(" resident", thick, &|moment| moment.resident.map(mib)));
        sizes.push(line(" in flight", thin, &|moment| moment.in_flight.map(mib)));
    }
    let top = |lines: &[Line]| lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(1e-3, f64::max);
    chart(&latency, "append, ms", end, (1e-3..top(&latencies) * 2.0).log_scale(), latencies)?;
    chart(&throughput, "accepted, GB/s", end, 0.0..top(&rates) * 1.1, rates)?;
    chart(&memory, "memory, MiB", end, 0.0..top(&sizes) * 1.1, sizes)?;
    area.present()
}

/// Draws lines with a legend.
fn chart<Y>(area: &Area<'_>, title: &str, end: f64, height: Y, lines: Vec<Line>) -> Result<(), Failed>
where
    Y: AsRangedCoord<Value = f64, CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, height)?;
    chart.configure_mesh().x_desc("seconds").y_desc(title).light_line_style(WHITE).draw()?;
    for Line { name, style, points } in lines {
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()
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
        let runs: [(&str, &[Moment]); 2] = [("zarrs", &moments), ("empty <&>", &[])];
        draw_runs(&path, "t:20 & more", 1 << 20, 1 << 30, &runs).unwrap();

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
}
