//! Erlang B, C and A: exact, by recursion and quadrature, never by factorials. Symbols as in the literature:
//! `a = lambda * AHT` erlangs, `n` agents, `mu = 1/AHT`, `theta = 1/mean patience`.

/// Seats beyond which no search goes on.
pub const SEATS_MAX: u32 = 5_000;

/// Panels of Simpson's rule per stretch; even.
const PANELS: u32 = 4_000;

/// The integrand is left out where it is `e^-CUT` of its peak.
const CUT: f64 = 45.0;

/// What comes and how long it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Calls an hour.
    pub calls_per_hour: f64,
    /// Mean handling time, seconds, above 0.
    pub aht_s: f64,
    /// Mean patience, seconds, above 0; only [`with_abandons`] looks at it.
    pub patience_s: f64,
}

impl Load {
    /// Offered traffic, erlangs.
    #[must_use]
    pub fn erlangs(&self) -> f64 {
        self.calls_per_hour / 3_600.0 * self.aht_s
    }
}

/// What Erlang C says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiting {
    /// Share that waits at all.
    pub wait: f64,
    /// Share answered within T.
    pub within: f64,
    /// Mean wait, seconds.
    pub asa_s: f64,
    /// Share of the agents' time at work.
    pub occupancy: f64,
}

/// What Erlang A says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abandoning {
    /// Share that waits at all.
    pub wait: f64,
    /// Share that abandons.
    pub abandon: f64,
    /// Share that abandons within T.
    pub abandon_within: f64,
    /// Mean wait of all callers, seconds: to the answer or to the end of their patience.
    pub mean_wait_s: f64,
    /// SL-1: answered within T, of all.
    pub sl_offered: f64,
    /// SL-2: abandons within T left out.
    pub sl_without_abandons_within: f64,
    /// SL-3: abandons within T count as good.
    pub sl_abandons_within_are_good: f64,
    /// SL-4: of the answered; none where nobody is.
    pub sl_answered_only: Option<f64>,
    /// Share of the agents' time at work.
    pub occupancy: f64,
}

/// Erlang B: the share of calls that find all `n` lines busy. `B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1))`.
#[must_use]
pub fn blocking(erlangs: f64, n: u32) -> f64 {
    (1..=n).fold(1.0, |blocked, k| {
        let served = erlangs * blocked;
        served / (f64::from(k) + served)
    })
}

/// Erlang C (M/M/n, endless patience): none where `n` agents cannot carry the load, and every caller would wait for ever.
#[must_use]
pub fn without_abandons(load: &Load, n: u32, within_s: f64) -> Option<Waiting> {
    let a = load.erlangs();
    let spare = f64::from(n) - a;
    if spare <= 0.0 {
        return None;
    }
    let blocked = blocking(a, n);
    let wait = f64::from(n) * blocked / (f64::from(n) - a * (1.0 - blocked));
    Some(Waiting {
        wait,
        within: 1.0 - wait * (-spare * within_s / load.aht_s).exp(),
        asa_s: wait * load.aht_s / spare,
        occupancy: a / f64::from(n),
    })
}

/// Erlang A (M/M/n+M; Garnett, Mandelbaum and Reiman 2002, in the exact blocks of Zeltyn and Mandelbaum): with
/// `H(x) = (1 - e^-theta x) / theta` and `J = integral of e^(lambda H(x) - n mu x)`. Always has an answer.
#[must_use]
pub fn with_abandons(load: &Load, n: u32, within_s: f64) -> Abandoning {
    let (lambda, theta) = (load.calls_per_hour / 3_600.0, 1.0 / load.patience_s);
    if n == 0 || lambda <= 0.0 {
        return trivial(load, n, within_s);
    }
    let n_mu = f64::from(n) / load.aht_s;
    let exponent = |x: f64| lambda * -(-theta * x).exp_m1() / theta - n_mu * x;
    // The exponent rises while lambda e^-theta x exceeds n mu: overload has its peak away from 0.
    let peak_at = ((lambda / n_mu).ln() / theta).max(0.0);
    let peak = exponent(peak_at);
    let mut end = peak_at.max(1.0 / n_mu);
    while exponent(end) > peak - CUT {
        end *= 2.0;
    }
    let cut = within_s.min(end);
    // All integrals are scaled by e^-peak, so that overload cannot overflow them.
    let density = |x: f64| (exponent(x) - peak).exp();
    let early = simpson(0.0, cut, density);
    let late = if cut < end {
        simpson(cut, end, density)
    } else {
        0.0
    };
    let early_patient = simpson(0.0, cut, |x| (-theta * x).exp() * density(x));
    let scale = (-peak).exp();
    let total = idle_weight(load.erlangs(), n) * scale + lambda * (early + late);
    let wait = lambda * (early + late) / total;
    let abandon = ((scale + (lambda - n_mu) * (early + late)) / total).clamp(0.0, 1.0);
    let sl_offered = 1.0 - wait + lambda * early_patient / total;
    let gone_by_then = -(-theta * within_s).exp_m1();
    let abandon_within = lambda * (early - early_patient + gone_by_then * late) / total;
    Abandoning {
        wait,
        abandon,
        abandon_within,
        mean_wait_s: abandon / theta,
        sl_offered,
        sl_without_abandons_within: sl_offered / (1.0 - abandon_within),
        sl_abandons_within_are_good: sl_offered + abandon_within,
        sl_answered_only: (abandon < 1.0).then(|| sl_offered / (1.0 - abandon)),
        occupancy: lambda * (1.0 - abandon) / n_mu,
    }
}

/// `sum over j < n of [a^j / j!] / [a^(n-1) / (n-1)!]`, built downward.
fn idle_weight(a: f64, n: u32) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for j in (1..n).rev() {
        term *= f64::from(j) / a;
        sum += term;
    }
    sum
}

/// Nobody comes, or nobody is there to answer.
fn trivial(load: &Load, n: u32, within_s: f64) -> Abandoning {
    let lost = f64::from(u8::from(n == 0 && load.calls_per_hour > 0.0));
    let early = lost * -(-within_s / load.patience_s).exp_m1();
    Abandoning {
        wait: lost,
        abandon: lost,
        abandon_within: early,
        mean_wait_s: lost * load.patience_s,
        sl_offered: 1.0 - lost,
        sl_without_abandons_within: 1.0 - lost,
        sl_abandons_within_are_good: 1.0 - lost + early,
        sl_answered_only: (lost < 1.0).then_some(1.0),
        occupancy: 0.0,
    }
}

fn simpson(from: f64, until: f64, f: impl Fn(f64) -> f64) -> f64 {
    let step = (until - from) / f64::from(PANELS);
    let inner: f64 = (1..PANELS)
        .map(|k| if k.is_multiple_of(2) { 2.0 } else { 4.0 } * f(from + f64::from(k) * step))
        .sum();
    (f(from) + inner + f(until)) * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(calls_per_hour: f64, aht_s: f64, patience_s: f64) -> Load {
        Load {
            calls_per_hour,
            aht_s,
            patience_s,
        }
    }

    #[test]
    fn erlang_b_to_the_printed_digits() {
        assert_eq!(
            format!("{:.6} {:.6}", blocking(10.0, 10), blocking(10.0, 14)),
            "0.214582 0.056819"
        );
    }

    #[test]
    fn erlang_c_to_the_printed_digits() {
        for (calls, aht, n, within, want) in [
            (100.0, 180.0, 7, 20.0, "0.324150 0.740441 29.1735 0.714286"),
            (360.0, 240.0, 28, 20.0, "0.333139 0.761296 19.9883 0.857143"),
            (400.0, 240.0, 30, 20.0, "0.427692 0.676039 30.7938 0.888889"),
            (60.0, 300.0, 8, 15.0, "0.167267 0.856032 16.7267 0.625000"),
        ] {
            let c = without_abandons(&load(calls, aht, 1.0), n, within).unwrap();
            assert_eq!(
                format!("{:.6} {:.6} {:.4} {:.6}", c.wait, c.within, c.asa_s, c.occupancy),
                want
            );
        }
        assert_eq!(
            without_abandons(&load(60.0, 300.0, 1.0), 5, 15.0),
            None,
            "five agents cannot carry 5 erlangs"
        );
    }

    #[test]
    fn erlang_a_to_the_printed_digits() {
        for (calls, aht, n, patience, within, want) in [
            (
                360.0,
                240.0,
                24,
                180.0,
                20.0,
                "0.493491 0.665468 0.695428 0.728824 15.6471 0.086928 0.913072",
            ),
            (
                360.0,
                240.0,
                28,
                180.0,
                20.0,
                "0.219325 0.882360 0.897741 0.908193 5.1201 0.028445 0.832761",
            ),
            (
                60.0,
                300.0,
                5,
                120.0,
                15.0,
                "0.466432 0.583274 0.615111 0.740706 25.5052 0.212543 0.787457",
            ),
        ] {
            let a = with_abandons(&load(calls, aht, patience), n, within);
            let got = format!(
                "{:.6} {:.6} {:.6} {:.6} {:.4} {:.6} {:.6}",
                a.wait,
                a.sl_offered,
                a.sl_without_abandons_within,
                a.sl_answered_only.unwrap(),
                a.mean_wait_s,
                a.abandon,
                a.occupancy
            );
            assert_eq!(got, want);
        }
        let sl3 = with_abandons(&load(60.0, 300.0, 120.0), 5, 15.0).sl_abandons_within_are_good;
        assert_eq!(format!("{:.1}", sl3 * 100.0), "63.5");
    }

    #[test]
    fn overload_and_emptiness_have_answers_and_more_seats_never_serve_worse() {
        let busy = load(3_600.0, 300.0, 120.0);
        let mut before = with_abandons(&busy, 0, 15.0);
        assert_eq!((before.abandon, before.sl_offered), (1.0, 0.0));
        for n in (10..500).step_by(10) {
            let now = with_abandons(&busy, n, 15.0);
            assert!(
                now.sl_offered >= before.sl_offered - 1e-9 && now.abandon <= before.abandon + 1e-9,
                "{n}"
            );
            assert!(
                (0.0..=1.0).contains(&now.abandon) && (0.0..=1.000_001).contains(&now.occupancy),
                "{now:?}"
            );
            before = now;
        }
        assert!(before.sl_offered > 0.999);
        assert_eq!(with_abandons(&load(0.0, 300.0, 120.0), 3, 15.0).sl_offered, 1.0);
    }
}
