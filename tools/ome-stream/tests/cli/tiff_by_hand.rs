//! TIFF files made by hand: both byte orders, any tag, and a chain of pages that can be broken where a test wants it.

/// One page, uncompressed, in a single strip.
#[derive(Clone)]
pub struct Page {
    pub rows: u32,
    pub columns: u32,
    /// Pixels in the byte order of the file.
    pub data: Vec<u8>,
    pub bits: u16,
    /// 1 unsigned, 2 signed, 3 floating point.
    pub format: u16,
    /// 0 white is zero, 1 black is zero, 2 RGB, 3 palette.
    pub photometric: u16,
    pub samples: u16,
    pub description: Option<&'static str>,
}

/// Pages of uint16, cut out of frames that lie one after another in little-endian.
pub fn pages(frames: &[u8], rows: u32, columns: u32) -> Vec<Page> {
    frames
        .chunks_exact((rows * columns * 2) as usize)
        .map(|data| Page {
            rows,
            columns,
            data: data.to_vec(),
            bits: 16,
            format: 1,
            photometric: 1,
            samples: 1,
            description: None,
        })
        .collect()
}

/// The same pixels in the other byte order.
pub fn swapped(data: &[u8], bytes: usize) -> Vec<u8> {
    data.chunks_exact(bytes).flat_map(|pixel| pixel.iter().rev().copied()).collect()
}

/// A file in which every page's directory comes just before its pixels.
pub fn file(big_endian: bool, pages: &[Page]) -> Vec<u8> {
    let two = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let four = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let mut file = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    file.extend(two(42));
    file.extend(four(8));
    for (nth, page) in pages.iter().enumerate() {
        let text = page.description.map(|text| [text.as_bytes(), &[0]].concat()).unwrap_or_default();
        let short = 3u16;
        let long = 4u16;
        let mut tags: Vec<(u16, u16, u32, u32)> = vec![
            (256, long, 1, page.columns),
            (257, long, 1, page.rows),
            (258, short, 1, page.bits.into()),
            (259, short, 1, 1),
            (262, short, 1, page.photometric.into()),
        ];
        let directory = 2 + 12 * (tags.len() + 5 + usize::from(!text.is_empty())) + 4;
        let text_at = file.len() + directory;
        let data_at = text_at + text.len() + text.len() % 2;
        if !text.is_empty() {
            tags.push((270, 2, text.len() as u32, text_at as u32));
        }
        tags.extend([
            (273, long, 1, data_at as u32),
            (277, short, 1, page.samples.into()),
            (278, long, 1, page.rows),
            (279, long, 1, page.data.len() as u32),
            (339, short, 1, page.format.into()),
        ]);
        file.extend(two(tags.len() as u16));
        for (tag, kind, count, value) in tags {
            file.extend(two(tag));
            file.extend(two(kind));
            file.extend(four(count));
            match kind {
                3 => file.extend([two(value as u16), two(0)].concat()),
                _ => file.extend(four(value)),
            }
        }
        let next = data_at + page.data.len() + page.data.len() % 2;
        file.extend(four(if nth + 1 == pages.len() { 0 } else { next as u32 }));
        assert_eq!(file.len(), text_at);
        file.extend(&text);
        file.resize(data_at, 0);
        file.extend(&page.data);
        file.resize(next, 0);
    }
    file
}
