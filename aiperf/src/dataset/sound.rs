//! Noise as a WAV file.

use rand::Rng;

use super::media::base64;
use crate::random::Stream;

/// More bytes than any server takes: beyond, a slip in a flag would fill the memory.
const MOST_BYTES: f64 = (1u32 << 30) as f64;

/// What a clip is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Clip {
    /// Length.
    pub(super) seconds: f64,
    /// Samples per second.
    pub(super) sample_rate: u32,
    /// Bits of a sample: 8, 16, 24 or 32.
    pub(super) depth: u16,
    /// Samples at each moment.
    pub(super) channels: u16,
}

/// A clip of noise as endpoints take it: `wav,` and base64.
///
/// # Errors
/// When there is no such clip, in words.
pub(super) fn wav(clip: Clip, stream: &mut Stream) -> Result<String, String> {
    let Clip { seconds, sample_rate, depth, channels } = clip;
    if ![8, 16, 24, 32].contains(&depth) || !(1..=2).contains(&channels) {
        return Err(format!(
            "no WAV file has {depth} bits a sample and {channels} channels; expected 8, 16, 24 or 32, and 1 or 2"
        ));
    }
    let frame = u32::from(channels) * u32::from(depth / 8);
    let wanted = seconds * f64::from(sample_rate) * f64::from(frame);
    if wanted.is_nan() || wanted > MOST_BYTES {
        return Err(format!("an audio clip of {seconds} seconds would be larger than 1 GiB"));
    }
    let bytes = (seconds * f64::from(sample_rate)).round() as u32 * frame;
    let mut file = Vec::with_capacity(44 + bytes as usize);
    // RIFF/WAVE, plain samples (format 1).
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(1u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(sample_rate.to_le_bytes());
    file.extend((sample_rate * frame).to_le_bytes());
    file.extend((frame as u16).to_le_bytes());
    file.extend(depth.to_le_bytes());
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    file.resize(44 + bytes as usize, 0);
    stream.fill_bytes(&mut file[44..]);
    Ok(format!("wav,{}", base64(&file)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RootSeed;

    #[test]
    fn a_clip_has_its_length_and_says_what_it_is() {
        let clip = Clip { seconds: 0.5, sample_rate: 8000, depth: 16, channels: 2 };
        let made = |seed| wav(clip, &mut RootSeed::new(seed).stream("x")).unwrap();
        let text = made(1);
        // 44 bytes of header and 0.5 s of 8000 frames of 4 bytes.
        assert_eq!(text.len(), "wav,".len() + (44usize + 16_000).div_ceil(3) * 4);
        assert!(text.starts_with("wav,UklGR"), "{}", &text[..20]);
        assert_eq!(text, made(1));
        assert_ne!(text, made(2));
        let odd = wav(Clip { depth: 12, ..clip }, &mut RootSeed::new(1).stream("x")).unwrap_err();
        assert!(odd.contains("12 bits"), "{odd}");
        let long = wav(Clip { seconds: 1e9, ..clip }, &mut RootSeed::new(1).stream("x")).unwrap_err();
        assert!(long.contains("larger than 1 GiB"), "{long}");
    }
}
