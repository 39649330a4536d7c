//! Noise without memory: each sample is made from its place alone, so that any place is reached at once and sounds the
//! same however it is read.

pub const RATE: u64 = 48_000;
const FADE: u64 = RATE / 10;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    White,
    Pink,
    Brown,
    /// A tone of `carrier` Hz on the left and one `beat` Hz higher on the right.
    Binaural {
        carrier: f64,
        beat: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    pub kind: Kind,
    pub frames: u64,
}

/// Well mixed bits (the finaliser of SplitMix64), as a number from -1 to 1.
fn random(place: u64, row: u64, side: u64) -> f64 {
    let mut z = place.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (row << 8 | side).wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ z >> 31) as i64 as f64 / i64::MAX as f64
}

/// Noise whose power falls with the frequency: rows that change half as often each, `slope` times as strong each.
fn rows(frame: u64, side: u64, slope: f64) -> f64 {
    let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
    for row in 0..14 {
        let (cell, part) = (frame >> row, (frame & ((1 << row) - 1)) as f64 / (1u64 << row) as f64);
        let (a, b) = (random(cell, row, side), random(cell + 1, row, side));
        sum += weight * (a + (b - a) * part);
        total += weight * weight;
        weight *= slope;
    }
    sum / total.sqrt()
}

impl Noise {
    pub fn bytes(&self) -> u64 {
        self.frames * 4
    }

    fn value(&self, frame: u64, side: u64) -> f64 {
        match self.kind {
            Kind::White => 0.25 * random(frame, 63, side),
            Kind::Pink => 0.35 * rows(frame, side, 1.0),
            Kind::Brown => 0.5 * rows(frame, side, std::f64::consts::SQRT_2),
            Kind::Binaural { carrier, beat } => {
                let cycles = (carrier + beat * side as f64) * frame as f64 / RATE as f64;
                0.25 * (cycles.fract() * std::f64::consts::TAU).sin()
            }
        }
    }

    /// One frame, little-endian, left and right.
    pub fn frame(&self, frame: u64) -> [u8; 4] {
        let fade = frame.min(self.frames - 1 - frame).min(FADE) as f64 / FADE as f64;
        let sample = |side| ((self.value(frame, side) * fade).clamp(-1.0, 1.0) * 32_000.0) as i16;
        let (left, right) = (sample(0).to_le_bytes(), sample(1).to_le_bytes());
        [left[0], left[1], right[0], right[1]]
    }
}

/// "pink", "brown 30m", "binaural 200 6 1h": a kind, what belongs to it, and how long (10 minutes without).
pub fn parse(text: &str) -> Result<Noise, String> {
    let mut words = text.split_ascii_whitespace();
    let kind = match words.next().unwrap_or("").to_ascii_lowercase().as_str() {
        "white" => Kind::White,
        "pink" => Kind::Pink,
        "brown" => Kind::Brown,
        "binaural" => Kind::Binaural {
            carrier: number(words.next(), "the tone", 20.0, 1_500.0)?,
            beat: number(words.next(), "the beat", 0.5, 40.0)?,
        },
        _ => {
            return Err(
                "Say which noise: white, pink, brown, or binaural with a tone and a beat in Hz (binaural 200 6)."
                    .into(),
            )
        }
    };
    let seconds = words.next().map_or(Ok(600), duration)?;
    match words.next() {
        Some(more) => Err(format!("I do not know what to do with \"{}\".", more.chars().take(20).collect::<String>())),
        None => Ok(Noise { kind, frames: seconds * RATE }),
    }
}

fn number(word: Option<&str>, what: &str, least: f64, most: f64) -> Result<f64, String> {
    word.and_then(|w| w.parse().ok())
        .filter(|n: &f64| *n >= least && *n <= most)
        .ok_or_else(|| format!("For binaural, {what} is a number of Hz from {least} to {most}."))
}

fn duration(word: &str) -> Result<u64, String> {
    let (digits, unit) = match word.as_bytes().last() {
        Some(b's') => (&word[..word.len() - 1], 1),
        Some(b'm') => (&word[..word.len() - 1], 60),
        Some(b'h') => (&word[..word.len() - 1], 3_600),
        _ => (word, 1),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(unit))
        .filter(|n| (1..=43_200).contains(n))
        .ok_or_else(|| "How long is a number of seconds, or like 30m or 2h; up to 12 hours.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood() {
        assert_eq!(parse("Pink").unwrap(), Noise { kind: Kind::Pink, frames: 600 * RATE });
        assert_eq!(parse(" white 90s ").unwrap().frames, 90 * RATE);
        assert_eq!(parse("brown 2h").unwrap().frames, 7_200 * RATE);
        assert_eq!(parse("binaural 200 6.5 1m").unwrap().kind, Kind::Binaural { carrier: 200.0, beat: 6.5 });
    }

    #[test]
    fn what_is_not() {
        for bad in [
            "",
            "loud",
            "pink 0",
            "pink 13h",
            "pink 1d",
            "pink 1m 2m",
            "binaural",
            "binaural 10 6",
            "binaural 200 x",
            "pink é",
            "pink 99999999999999999999",
            "binaural NaN 6",
            "pink h",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    /// Mean power of the differences of neighbours against that of the samples: 2 for white, less the darker it is.
    fn roughness(kind: Kind) -> f64 {
        let noise = Noise { kind, frames: 1 << 40 };
        let samples: Vec<f64> = (0..100_000).map(|i| noise.value(1_000_000 + i, 0)).collect();
        let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        power(&mut samples.windows(2).map(|w| w[1] - w[0])) / power(&mut samples.iter().copied())
    }

    #[test]
    fn colours() {
        let (white, pink, brown) = (roughness(Kind::White), roughness(Kind::Pink), roughness(Kind::Brown));
        assert!((1.9..2.1).contains(&white), "{white}");
        assert!(pink < white / 4.0 && brown < pink / 10.0, "{pink} {brown}");
    }

    #[test]
    fn levels_and_edges() {
        for kind in [Kind::White, Kind::Pink, Kind::Brown, Kind::Binaural { carrier: 200.0, beat: 6.0 }] {
            let noise = Noise { kind, frames: 10 * RATE };
            let loudest = (0..noise.frames).map(|i| noise.value(i, 1).abs()).fold(0.0, f64::max);
            assert!((0.2..1.3).contains(&loudest), "{kind:?} {loudest}");
            assert_eq!(noise.frame(0), [0; 4]);
            assert_eq!(noise.frame(noise.frames - 1), [0; 4]);
        }
    }
}
