//! Images of noise, written as PNG or JPEG, and pictures of a folder.

use std::io::Write;
use std::path::{Path, PathBuf};

use aiperf_abi::data::conversation::ImageFormat;
use aiperf_abi::{Error, Result};
use rand::Rng;

use super::media::base64;
use crate::random::Stream;

/// How images can be written.
pub(super) const FORMATS: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];

/// More pixels than any model takes: beyond, a slip in a flag would fill the memory.
const MOST_PIXELS: u64 = 1 << 28;

/// Bytes of a pixel.
const COLOURS: usize = 3;

/// An image of noise as a data URL.
///
/// # Errors
/// When it would be too large, in words.
pub(super) fn image(width: u32, height: u32, format: ImageFormat, stream: &mut Stream) -> Result<String, String> {
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(format!("an image of {width} x {height} pixels is larger than {MOST_PIXELS} pixels"));
    }
    let mut pixels = vec![0; width as usize * height as usize * COLOURS];
    stream.fill_bytes(&mut pixels);
    match format {
        ImageFormat::Png => {
            let bytes = png(width, height, &pixels).map_err(|error| error.to_string())?;
            Ok(format!("data:image/png;base64,{}", base64(&bytes)))
        }
        ImageFormat::Jpeg => Ok(format!("data:image/jpeg;base64,{}", base64(&jpeg(width, height, &pixels)?))),
        other => Err(format!("this aiperf cannot write {other:?} images")),
    }
}

/// Portable Network Graphics (ISO/IEC 15948): a header, the rows each after its filter type, the end.
fn png(width: u32, height: u32, pixels: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut rows = flate2::write::ZlibEncoder::new(Vec::with_capacity(pixels.len()), flate2::Compression::fast());
    for row in pixels.chunks(width as usize * COLOURS) {
        rows.write_all(&[0])?;
        rows.write_all(row)?;
    }
    let rows = rows.finish()?;
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Eight bits of each of three colours; one way to compress, to filter, and not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &rows), (b"IEND", &[])] {
        let length = u32::try_from(data.len()).map_err(std::io::Error::other)?;
        file.extend(length.to_be_bytes());
        let from = file.len();
        file.extend(name);
        file.extend(data);
        let sum = crc32fast::hash(&file[from..]);
        file.extend(sum.to_be_bytes());
    }
    Ok(file)
}

fn jpeg(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>, String> {
    let side = |length: u32| {
        u16::try_from(length).map_err(|_| format!("a JPEG image has at most {} pixels a side, not {length}", u16::MAX))
    };
    let mut file = Vec::new();
    let (width, height) = (side(width)?, side(height)?);
    jpeg_encoder::Encoder::new(&mut file, 75)
        .encode(pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|error| error.to_string())?;
    Ok(file)
}

/// The pictures of a folder, by name.
///
/// # Errors
/// When it cannot be read, or has none.
pub(super) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "gif"];
    let refused = |reason: &str| Error::invalid_config(format!("{}: {reason}", folder.display()));
    let folder_of = std::path::absolute(folder).map_err(|error| refused(&error.to_string()))?;
    let entries = std::fs::read_dir(folder_of).map_err(|error| refused(&error.to_string()))?;
    let mut pictures = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| refused(&error.to_string()))?.path();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        if ENDINGS.contains(&ending.as_str()) {
            pictures.push(path);
        }
    }
    pictures.sort();
    match pictures.is_empty() {
        true => Err(refused(&format!("has no pictures; expected files that end in {}", ENDINGS.join(", ")))),
        false => Ok(pictures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RootSeed;

    fn made(width: u32, height: u32, format: ImageFormat, seed: u64) -> String {
        image(width, height, format, &mut RootSeed::new(seed).stream("x")).unwrap()
    }

    #[test]
    fn a_png_holds_its_pixels_row_by_row() {
        let pixels: Vec<u8> = (0..30).collect();
        let file = png(5, 2, &pixels).unwrap();
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(&file[12..16], b"IHDR");
        assert_eq!((&file[16..20], &file[20..24]), (&5u32.to_be_bytes()[..], &2u32.to_be_bytes()[..]));
        let length = u32::from_be_bytes(file[33..37].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&file[41..41 + length]), &mut rows).unwrap();
        assert_eq!(rows, [&[0][..], &pixels[..15], &[0], &pixels[15..]].concat());
        // The sum that every PNG ends with.
        assert_eq!(&file[file.len() - 8..], b"IEND\xae\x42\x60\x82");
    }

    #[test]
    fn noise_follows_from_the_seed_and_says_what_it_is() {
        let png = made(20, 10, ImageFormat::Png, 1);
        assert!(png.starts_with("data:image/png;base64,iVBORw0KGgo"), "{}", &png[..40]);
        assert_eq!(png, made(20, 10, ImageFormat::Png, 1));
        assert_ne!(png, made(20, 10, ImageFormat::Png, 2));
        let jpeg = made(20, 10, ImageFormat::Jpeg, 1);
        assert!(jpeg.starts_with("data:image/jpeg;base64,/9j/"), "{}", &jpeg[..40]);
        let huge = image(70_000, 2, ImageFormat::Jpeg, &mut RootSeed::new(1).stream("x")).unwrap_err();
        assert_eq!(huge, "a JPEG image has at most 65535 pixels a side, not 70000");
    }
}
