//! Events on their way to the switch: told at once, or kept until there is room.

use std::collections::VecDeque;
use std::fmt;

use hotline_media::MediaEvent;

/// Events that a thread keeps while the switch takes none. Beyond, the oldest is given up and counted.
const WAITING_MAX: usize = 65_536;

pub(super) struct Outbox<E> {
    events: E,
    waiting: VecDeque<MediaEvent>,
    pub(super) dropped: u64,
}

impl<E> fmt::Debug for Outbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("waiting", &self.waiting.len())
            .field("dropped", &self.dropped)
            .finish()
    }
}

impl<E: Fn(MediaEvent) -> bool> Outbox<E> {
    pub(super) fn new(events: E) -> Self {
        Self {
            events,
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    pub(super) fn tell(&mut self, event: MediaEvent) {
        if self.waiting.is_empty() && (self.events)(event.clone()) {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(event);
    }

    pub(super) fn retry(&mut self) {
        while let Some(event) = self.waiting.front() {
            if !(self.events)(event.clone()) {
                return;
            }
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use hotline_types::LegId;

    use super::*;

    #[test]
    fn events_keep_their_order_over_a_full_queue() {
        let took = RefCell::new(Vec::new());
        let room = RefCell::new(1);
        let mut outbox = Outbox::new(|event| {
            if *room.borrow() == 0 {
                return false;
            }
            *room.borrow_mut() -= 1;
            let MediaEvent::MediaLost { leg } = event else {
                return false;
            };
            took.borrow_mut().push(leg.0);
            true
        });
        for leg in 0..3 {
            outbox.tell(MediaEvent::MediaLost { leg: LegId(leg) });
        }
        assert_eq!(*took.borrow(), [0]);
        *room.borrow_mut() = 9;
        outbox.tell(MediaEvent::MediaLost { leg: LegId(3) });
        outbox.retry();
        assert_eq!((took.borrow().as_slice(), outbox.dropped), (&[0, 1, 2, 3][..], 0));
    }
}
