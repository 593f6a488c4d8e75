//! What crosses the library boundary. Nothing here is for authors; nothing but this may cross.

pub mod view;
