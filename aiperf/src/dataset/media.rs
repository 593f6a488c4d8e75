//! Images, audio and video of a turn as the endpoints take them: URLs as they are, files as data.

use std::path::Path;

use aiperf_abi::data::conversation::Turn;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Makes the paths of a row whole, counted from its folder. What is no path stays.
///
/// # Errors
/// When there is no such file: the field, and what is wrong with it.
pub(super) fn locate(turn: &mut Turn, folder: &Path) -> Result<(), (&'static str, String)> {
    let modalities = [("image", &mut turn.images), ("audio", &mut turn.audios), ("video", &mut turn.videos)];
    for (field, all) in modalities {
        for content in all.iter_mut().flat_map(|media| &mut media.contents).filter(|content| is_path(content)) {
            let path = folder.join(content.strip_prefix("file://").unwrap_or(content));
            if let Err(error) = std::fs::metadata(&path) {
                return Err((field, format!("names the file {}, which cannot be read: {error}", path.display())));
            }
            let path = std::path::absolute(&path).unwrap_or(path);
            *content = format!("file://{}", path.display());
        }
    }
    Ok(())
}

/// Puts the contents of files in the place of their paths.
///
/// # Errors
/// When a file cannot be read, in words.
pub(super) fn resolve(turn: &mut Turn) -> Result<(), String> {
    let read = |path: &str| {
        let path = path.strip_prefix("file://").unwrap_or(path);
        std::fs::read(path).map_err(|error| format!("{path}: {error}"))
    };
    for content in turn.audios.iter_mut().flat_map(|media| &mut media.contents).filter(|content| is_path(content)) {
        let format = ending(content).to_owned();
        *content = format!("{format},{}", base64(&read(content)?));
    }
    for (media, sort) in [(&mut turn.images, "image"), (&mut turn.videos, "video")] {
        for content in media.iter_mut().flat_map(|media| &mut media.contents).filter(|content| is_path(content)) {
            let format = match ending(content) {
                "jpg" => "jpeg".to_owned(),
                other => other.to_owned(),
            };
            *content = format!("data:{sort}/{format};base64,{}", base64(&read(content)?));
        }
    }
    Ok(())
}

/// A path, and neither a URL nor data: `wav,UklGR…` has a comma, a URL a scheme.
fn is_path(content: &str) -> bool {
    content.starts_with("file://")
        || !(content.contains("://") || content.starts_with("data:") || content.contains(','))
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("octet-stream", |(_, ending)| ending)
}

/// Base64 (RFC 4648, section 4) with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let whole = three.iter().fold(0u32, |whole, byte| whole << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            match place <= three.len() {
                true => text.push(ALPHABET[(whole >> (18 - 6 * place) & 63) as usize].into()),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aiperf_abi::data::conversation::Media;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn files_become_data_and_urls_stay() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jpg"), b"foo").unwrap();
        std::fs::write(folder.path().join("b.wav"), b"foobar").unwrap();
        let url = "https://example.com/c.png";
        let mut turn = Turn {
            images: vec![Media { name: String::new(), contents: vec!["a.jpg".to_owned(), url.to_owned()] }],
            audios: vec![Media { name: String::new(), contents: vec!["b.wav".to_owned(), "wav,AAAA".to_owned()] }],
            ..Turn::default()
        };
        locate(&mut turn, folder.path()).unwrap();
        assert!(turn.images[0].contents[0].starts_with("file:///"));
        resolve(&mut turn).unwrap();
        assert_eq!(turn.images[0].contents, ["data:image/jpeg;base64,Zm9v", url]);
        assert_eq!(turn.audios[0].contents, ["wav,Zm9vYmFy", "wav,AAAA"]);
        turn.images[0].contents[0] = "nothing.png".to_owned();
        let (field, problem) = locate(&mut turn, folder.path()).unwrap_err();
        assert!(field == "image" && problem.contains("nothing.png, which cannot be read"), "{problem}");
    }
}
