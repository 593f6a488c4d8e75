//! Replies recorded from real servers (`tests/data/responses`).
