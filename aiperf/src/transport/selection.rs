//! Which of several servers a request goes to.

use aiperf_abi::{Context, Plugin, Result, SelectionConfig, UrlSelectionStrategy};

/// The entry `round_robin`: one after the other.
#[derive(Debug)]
pub struct RoundRobinUrls {
    len: u64,
    next: u64,
}

impl Plugin for RoundRobinUrls {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: SelectionConfig = cx.config()?;
        Ok(Self { len: config.len.max(1), next: 0 })
    }
}

impl UrlSelectionStrategy for RoundRobinUrls {
    fn next_url_index(&mut self) -> Result<u64> {
        let index = self.next;
        self.next = (index + 1) % self.len;
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_turns() {
        let mut urls = RoundRobinUrls { len: 3, next: 0 };
        assert_eq!([0; 7].map(|_| urls.next_url_index().unwrap()), [0, 1, 2, 0, 1, 2, 0]);
    }
}
