//! From a load to seats, and from seats per quarter to heads per shift band.

use crate::erlang::{Abandoning, Load, SEATS_MAX, with_abandons, without_abandons};

/// What the hotline promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Share to be answered at least, 0 to 1.
    pub answer_rate: f64,
    /// Share to be answered within [`Target::within_s`] at least, 0 to 1.
    pub within_share: f64,
    /// Seconds.
    pub within_s: f64,
    /// By Erlang C, in which nobody gives up; else by Erlang A.
    pub endless_patience: bool,
}

/// The seats that keep the promise, and what they would bring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Agents at work or free at once.
    pub seats: u32,
    /// Share answered.
    pub answer_rate: f64,
    /// Share answered within the target's time.
    pub within: f64,
    /// Mean wait, seconds.
    pub wait_s: f64,
    /// Share of their time at work.
    pub occupancy: f64,
}

/// The fewest seats that keep the target under this load; none where [`SEATS_MAX`] do not.
#[must_use]
pub fn seats(load: &Load, target: &Target) -> Option<Need> {
    // Both shares rise with every seat, so halving finds the first that is enough.
    let (mut low, mut high) = (0, SEATS_MAX);
    while low < high {
        let middle = low.midpoint(high);
        if outcome(load, target, middle).is_some_and(|need| keeps(&need, target)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    outcome(load, target, low).filter(|need| keeps(need, target))
}

fn keeps(need: &Need, target: &Target) -> bool {
    need.answer_rate >= target.answer_rate && need.within >= target.within_share
}

fn outcome(load: &Load, target: &Target, seats: u32) -> Option<Need> {
    if load.calls_per_hour <= 0.0 {
        return Some(Need {
            seats,
            answer_rate: 1.0,
            within: 1.0,
            wait_s: 0.0,
            occupancy: 0.0,
        });
    }
    if target.endless_patience {
        let c = without_abandons(load, seats, target.within_s)?;
        return Some(Need {
            seats,
            answer_rate: 1.0,
            within: c.within,
            wait_s: c.asa_s,
            occupancy: c.occupancy,
        });
    }
    let Abandoning {
        abandon,
        sl_offered,
        mean_wait_s,
        occupancy,
        ..
    } = with_abandons(load, seats, target.within_s);
    Some(Need {
        seats,
        answer_rate: 1.0 - abandon,
        within: sl_offered,
        wait_s: mean_wait_s,
        occupancy,
    })
}

/// Heads on the roster for seats that must be taken: `seats / (1 - shrinkage)`, rounded up.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seats are few and not negative"
)]
pub fn rostered_heads(seats: u32, shrinkage: f64) -> u32 {
    // A hair less, so that 9 seats at 10 % are 10 heads and not 11.
    (f64::from(seats) / (1.0 - shrinkage.clamp(0.0, 0.95)) - 1e-9).ceil() as u32
}

/// When a band is on: the quarters of a business date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandHours {
    /// Its slug.
    pub band: String,
    /// For each quarter, whether it is on.
    pub on: Vec<bool>,
}

/// Heads per band so that the bands on at each quarter together have the seats it needs: as few heads as possible, and the
/// quarters no band covers. From the day's beginning on, what is missing is put on the band that stays on longest, which is
/// the fewest heads where each band is one stretch of the day.
#[must_use]
pub fn heads_per_band(bands: &[BandHours], seats: &[u32]) -> (Vec<u32>, Vec<usize>) {
    let mut heads = vec![0_u32; bands.len()];
    let mut uncovered = Vec::new();
    for (slot, &needed) in seats.iter().enumerate() {
        let on = |band: &BandHours| band.on.get(slot).copied().unwrap_or(false);
        let there: u32 = bands
            .iter()
            .zip(&heads)
            .filter(|(band, _)| on(band))
            .map(|(_, &heads)| heads)
            .sum();
        let missing = needed.saturating_sub(there);
        if missing == 0 {
            continue;
        }
        let stays = |band: &BandHours| band.on.iter().skip(slot).take_while(|&&on| on).count();
        let longest = (0..bands.len())
            .filter(|&index| on(&bands[index]))
            .max_by_key(|&index| stays(&bands[index]));
        match longest {
            Some(index) => heads[index] += missing,
            None => uncovered.push(slot),
        }
    }
    (heads, uncovered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target {
        answer_rate: 0.9,
        within_share: 0.8,
        within_s: 20.0,
        endless_patience: false,
    };

    #[test]
    fn fewest_seats_keep_the_promise_and_one_less_does_not() {
        let load = Load {
            calls_per_hour: 360.0,
            aht_s: 240.0,
            patience_s: 180.0,
        };
        let need = seats(&load, &TARGET).unwrap();
        // Between the two rows of the reference: 24 seats give 66.5 %, 28 give 88.2 %.
        assert!((25..=28).contains(&need.seats), "{need:?}");
        let fewer = outcome(&load, &TARGET, need.seats - 1).unwrap();
        assert!(keeps(&need, &TARGET) && !keeps(&fewer, &TARGET));
        let c = seats(
            &load,
            &Target {
                endless_patience: true,
                ..TARGET
            },
        )
        .unwrap();
        assert!(c.seats > need.seats, "callers who never give up need more: {c:?}");
        assert_eq!(
            seats(
                &Load {
                    calls_per_hour: 0.0,
                    ..load
                },
                &TARGET
            )
            .unwrap()
            .seats,
            0
        );
        assert_eq!(
            seats(
                &Load {
                    calls_per_hour: 1e7,
                    ..load
                },
                &TARGET
            ),
            None
        );
    }

    #[test]
    fn shrinkage_is_added_in_whole_heads() {
        assert_eq!(
            [
                rostered_heads(9, 0.1),
                rostered_heads(10, 0.1),
                rostered_heads(0, 0.3)
            ],
            [10, 12, 0]
        );
    }

    #[test]
    fn overlapping_bands_share_the_seats_and_gaps_are_told() {
        let band = |name: &str, from: usize, until: usize| BandHours {
            band: name.to_owned(),
            on: (0..24).map(|hour| (from..until).contains(&hour)).collect(),
        };
        // Hours of a business date: day 0-12, late 1-13, night 12-23.
        let bands = [band("day", 0, 12), band("late", 1, 13), band("night", 12, 23)];
        let mut need = [2; 24];
        (need[0], need[5], need[12]) = (3, 8, 4);
        let (heads, uncovered) = heads_per_band(&bands, &need);
        // At hour 12 day's three are gone and late's five are enough; from 13 on the night needs two of its own.
        assert_eq!((heads, uncovered), (vec![3, 5, 2], vec![23]));
    }
}
