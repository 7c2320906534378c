use super::*;

/// A million calls as the exact Erlang A model of the reference has them: 60 calls/h, AHT 300 s, 5 agents, patience
/// 120 s, T = 15 s. Shares of the offered: abandoned 0.212543, answered within T 0.583274; abandoned within T follows
/// from SL-2 = 0.615111.
fn erlang_a() -> Counts {
    let mut row = Counts {
        offered: 1_000_000,
        answered: 787_457,
        abandoned: 212_543,
        ..Counts::default()
    };
    row.answered_waits[0] = 400_000;
    row.answered_waits[3] = 183_274;
    row.answered_waits[13] = 204_183;
    row.abandoned_waits[2] = 51_758;
    row.abandoned_waits[5] = 160_785;
    row
}

fn close(figure: Option<f64>, expected: f64) {
    let figure = figure.unwrap();
    assert!((figure - expected).abs() < 5e-4, "{figure} is not {expected}");
}

#[test]
fn same_traffic_gives_the_four_service_levels_of_the_reference() {
    let row = erlang_a();
    let within = Within::of(&row, Thresholds::default());
    close(sl_offered(&row, within), 0.583);
    close(sl_without_abandons_within(&row, within), 0.615);
    close(sl_abandons_within_are_good(&row, within), 0.635);
    close(sl_answered_only(&row, within), 0.741);
    close(within_three_rings_of_answered(&row), 0.741);
    close(within_three_rings_of_offered(&row), 0.583);
}

#[test]
fn answer_and_abandonment_rates_differ_by_their_denominators() {
    let mut row = Counts {
        reached: 125,
        offered: 100,
        answered: 80,
        abandoned: 15,
        lost: 5,
        ..Counts::default()
    };
    row.abandoned_waits[1] = 10;
    row.abandoned_waits[6] = 5;
    let within = Within::of(&row, Thresholds::default());
    close(answer_rate(&row), 0.8);
    close(hotline_answer_rate(&row), 0.64);
    close(abandonment(&row), 0.15);
    close(abandonment_without_short(&row, within), 5.0 / 90.0);
    close(lost_rate(&row), 0.2);
}

#[test]
fn times_are_averages_over_those_they_are_about() {
    let row = Counts {
        answered: 4,
        abandoned: 2,
        handled: 3,
        wait_answered_us: 20_000_000,
        wait_abandoned_us: 30_000_000,
        talk_us: 300_000_000,
        hold_us: 60_000_000,
        wrap_up_us: 90_000_000,
        ring_us: 30_000_000,
        ready_us: 150_000_000,
        away_us: 20_000_000,
        paused_us: 250_000_000,
        offers: 10,
        offers_answered: 6,
        offers_withdrawn: 2,
        ..Counts::default()
    };
    close(asa_s(&row), 5.0);
    close(time_to_abandon_s(&row), 15.0);
    close(aht_s(&row), 150.0);
    close(occupancy(&row), 0.75);
    close(utilisation(&row), 0.5);
    close(agent_answer_rate(&row), 0.75);
}

#[test]
fn nothing_counted_is_no_figure_not_zero() {
    let row = Counts::default();
    let within = Within::default();
    let figures = [
        answer_rate(&row),
        hotline_answer_rate(&row),
        within_three_rings_of_answered(&row),
        within_three_rings_of_offered(&row),
        abandonment(&row),
        abandonment_without_short(&row, within),
        lost_rate(&row),
        sl_offered(&row, within),
        sl_without_abandons_within(&row, within),
        sl_abandons_within_are_good(&row, within),
        sl_answered_only(&row, within),
        asa_s(&row),
        time_to_abandon_s(&row),
        aht_s(&row),
        occupancy(&row),
        utilisation(&row),
        agent_answer_rate(&row),
    ];
    assert_eq!(figures, [None; 17]);
}

#[test]
fn balance_names_the_invariant_that_does_not_hold() {
    let row = Counts {
        reached: 5,
        refused: 1,
        queued: 3,
        offered: 3,
        answered: 1,
        lost: 1,
        ..Counts::default()
    };
    assert_eq!(balance(&row, 1, 1), Ok(()));
    assert_eq!(
        balance(&row, 0, 1),
        Err(Imbalance::Queue {
            offered: 3,
            accounted: 2
        })
    );
    assert_eq!(
        balance(&row, 1, 0),
        Err(Imbalance::Number {
            reached: 5,
            accounted: 4
        })
    );
    assert_eq!((waiting_now(&row), in_ivr_now(&row)), (1, 1));
}
