use hotline_media::Codec;
use hotline_types::Rng;

use super::*;

/// One payload of a script: what was said at `timestamp`, when it came.
#[derive(Clone, Copy, Debug)]
struct Packet {
    channel: Channel,
    /// Microseconds since the recording began.
    at: i64,
    timestamp: u32,
    ssrc: u32,
}

const START: Time = Time::from_millis(1_000_000);
const PACKET: usize = 160;

/// What a source says at this timestamp: never silence, and different all along.
fn code(ssrc: u32, timestamp: u32) -> u8 {
    let mixed = (timestamp ^ ssrc.rotate_left(7)).wrapping_mul(0x9E37_79B1) >> 24;
    let code = u8::try_from(mixed).unwrap();
    if code == 0xFF || code == 0x7F { 0x10 } else { code }
}

fn said(ssrc: u32, timestamp: u32, samples: usize) -> Vec<i16> {
    let at = |by: usize| timestamp.wrapping_add(u32::try_from(by).unwrap());
    (0..samples)
        .map(|by| g711::decode(Codec::Pcmu, code(ssrc, at(by))))
        .collect()
}

fn time(micros: i64) -> Time {
    Time::from_nanos(START.as_nanos().checked_add_signed(micros * 1000).unwrap())
}

/// Packets of 20 ms from `timestamp` on, each `at` its time.
fn stream(channel: Channel, ssrc: u32, timestamp: u32, count: u32, at: impl Fn(i64) -> i64) -> Vec<Packet> {
    let packet = |index: u32| Packet {
        channel,
        at: at(i64::from(index)),
        timestamp: timestamp.wrapping_add(index * 160),
        ssrc,
    };
    (0..count).map(packet).collect()
}

struct Assembled {
    left: Vec<i16>,
    right: Vec<i16>,
    counts: FrameCounts,
}

/// Sends the packets in order of arrival, in batches of half a second, and ends at `end` microseconds.
fn assemble(mut packets: Vec<Packet>, end: i64) -> Assembled {
    packets.sort_by_key(|packet| packet.at);
    let mut assembler = Assembler::new(START);
    let mut interleaved = Vec::new();
    let mut sink = |frames: &[i16]| {
        interleaved.extend_from_slice(frames);
        Ok::<(), ()>(())
    };
    let mut packets = packets.into_iter().peekable();
    let mut batch = TapBatch::new();
    for until in (1..)
        .map(|batch| batch * 500_000)
        .take_while(|until| *until < end + 500_000)
    {
        while let Some(packet) = packets.next_if(|packet| packet.at < until) {
            let payload: Vec<u8> = (0..160)
                .map(|by| code(packet.ssrc, packet.timestamp.wrapping_add(by)))
                .collect();
            let frame = TapFrame {
                channel: packet.channel,
                codec: Codec::Pcmu,
                arrived: time(packet.at),
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
                len: 160,
            };
            while !batch.push(frame, &payload) {
                assembler.batch(&batch, time(packet.at), &mut sink).unwrap();
                batch.clear();
            }
        }
        assembler.batch(&batch, time(until.min(end)), &mut sink).unwrap();
        batch.clear();
    }
    assembler.finish(time(end), &mut sink).unwrap();
    assert_eq!(
        interleaved.len() / 2,
        usize::try_from(assembler.frames()).unwrap()
    );
    let side = |first: usize| interleaved.iter().skip(first).step_by(2).copied().collect();
    Assembled {
        left: side(0),
        right: side(1),
        counts: assembler.counts(),
    }
}

/// Where `what` lies in `track`, the one place.
#[track_caller]
fn found(track: &[i16], what: &[i16]) -> usize {
    let places: Vec<usize> = track
        .windows(what.len())
        .enumerate()
        .filter(|(_, window)| *window == what)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(places.len(), 1, "{} places", places.len());
    places[0]
}

const EVERY_20_MS: fn(i64) -> i64 = |index| index * 20_000;

#[test]
fn both_sides_lie_where_they_arrived_sample_for_sample() {
    let mut packets = stream(Channel::Caller, 1, 5000, 100, EVERY_20_MS);
    packets.extend(stream(Channel::Agent, 2, u32::MAX - 800, 50, |index| {
        500_000 + index * 20_000
    }));
    let heard = assemble(packets, 2_000_000);
    assert_eq!((heard.left.len(), heard.right.len()), (16_000, 16_000));
    assert_eq!(heard.left, said(1, 5000, 16_000));
    assert_eq!(heard.right[..4000], [0; 4000]);
    assert_eq!(heard.right[4000..12_000], said(2, u32::MAX - 800, 8000));
    assert_eq!(heard.right[12_000..], [0; 4000]);
    assert_eq!(
        heard.counts,
        FrameCounts {
            placed: 150,
            ..FrameCounts::default()
        }
    );
}

#[test]
fn loss_leaves_silence_of_its_length() {
    let mut packets = stream(Channel::Caller, 1, 0, 100, EVERY_20_MS);
    packets.retain(|packet| !matches!(packet.timestamp / 160, 10 | 40..=49));
    let heard = assemble(packets, 2_000_000);
    let mut expected = said(1, 0, 16_000);
    expected[1600..1760].fill(0);
    expected[6400..8000].fill(0);
    assert_eq!(heard.left, expected);
}

#[test]
fn reordered_and_repeated_packets_change_nothing() {
    let swapped = |index: i64| 100_000 + (index ^ 1) * 20_000;
    let mut packets = stream(Channel::Caller, 1, 0, 100, swapped);
    packets.extend(stream(Channel::Caller, 1, 0, 100, |index| {
        swapped(index) + 30_000
    }));
    let heard = assemble(packets, 2_130_000);
    let at = found(&heard.left, &said(1, 0, 16_000));
    assert_eq!(at, 800 - 160);
    assert_eq!(heard.counts.placed, 100);
    assert_eq!(heard.counts.duplicate, 100);
    assert_eq!(heard.counts.reanchored, 0);
}

#[test]
fn jitter_and_a_stalled_network_do_not_show() {
    for seed in 0..20 {
        let mut rng = Rng::from_seed(seed);
        let delays: Vec<i64> = (0..200)
            .map(|_| i64::try_from(rng.below(60_000)).unwrap())
            .collect();
        let at = |index: i64| 100_000 + index * 20_000 + delays[usize::try_from(index).unwrap()];
        let heard = assemble(stream(Channel::Caller, 1, 77, 200, at), 4_200_000);
        let place = found(&heard.left, &said(1, 77, 32_000));
        assert!((800..=800 + 480).contains(&place), "seed {seed}: {place}");
        assert_eq!(
            (heard.counts.placed, heard.counts.reanchored),
            (200, 0),
            "seed {seed}"
        );
    }
    // Nothing for 150 ms, then all of it at once.
    let stalled = |index: i64| {
        if (50..58).contains(&index) {
            1_150_000 + index
        } else {
            index * 20_000
        }
    };
    let heard = assemble(stream(Channel::Caller, 1, 0, 100, stalled), 2_000_000);
    assert_eq!(heard.left, said(1, 0, 16_000));
}

#[test]
fn first_packet_held_up_by_the_network_does_not_shift_the_rest() {
    let heard = assemble(
        stream(Channel::Caller, 1, 0, 50, |index| {
            200_000 + (index * 20_000).max(90_000)
        }),
        1_200_000,
    );
    assert_eq!(found(&heard.left, &said(1, 0, 8000)), 1600);
}

#[test]
fn clock_drift_never_parts_file_and_wall_time_by_more_than_the_bound() {
    for per_mille in [-2, -1, 1, 2] {
        let at = |index: i64| index * (20_000 + 20 * per_mille);
        let count = 3000;
        let end = at(count);
        let packets = stream(Channel::Caller, 1, 0, 3000, at);
        let heard = assemble(packets, end);
        assert_eq!(heard.left.len(), usize::try_from(end / 125).unwrap());
        for index in (0..count - 10).step_by(50) {
            let timestamp = u32::try_from(index).unwrap() * 160;
            let arrived = usize::try_from(at(index) / 125).unwrap();
            let near = &heard.left[arrived.saturating_sub(1000)..(arrived + 1000).min(heard.left.len())];
            // Where the anchor moved, up to 40 ms of this packet gave way: its second half tells as well.
            let what = said(1, timestamp, PACKET);
            let whole = near
                .windows(80)
                .position(|window| *window == what[80..] || *window == what[..80]);
            let place =
                whole.map(|place| i64::try_from(place).unwrap() - 1000.min(i64::try_from(arrived).unwrap()));
            if let Some(place) = place {
                assert!(
                    (-400..=400).contains(&place),
                    "{per_mille} per mille, packet {index}: {place}"
                );
            }
        }
        let moved = heard.counts.reanchored;
        assert!((1..=4).contains(&moved), "{per_mille} per mille: {moved} times");
        let silent = heard.left.iter().filter(|sample| **sample == 0).count();
        let dropped = 480_000 - (heard.left.len() - silent);
        assert!(
            silent <= 4 * 400 && dropped <= 4 * 400,
            "{per_mille}: {silent} silent, {dropped} dropped"
        );
    }
}

#[test]
fn new_source_begins_where_it_arrives() {
    let mut packets = stream(Channel::Agent, 1, 0, 50, EVERY_20_MS);
    packets.extend(stream(Channel::Agent, 9, 4_000_000_000, 50, |index| {
        1_000_000 + index * 20_000
    }));
    let heard = assemble(packets, 2_000_000);
    assert_eq!(heard.right[..8000], said(1, 0, 8000));
    assert_eq!(heard.right[8000..], said(9, 4_000_000_000, 8000));
}

#[test]
fn pauses_last_as_long_as_they_lasted_whether_timestamps_count_them_or_not() {
    // 3 s of silence suppression: timestamps that go on, stand still, and jump anywhere.
    for jump in [24_000, 0, 2_000_000_000, 4_200_000_000_u32] {
        let mut packets = stream(Channel::Caller, 1, 0, 50, EVERY_20_MS);
        let second = 8000_u32.wrapping_add(jump);
        packets.extend(stream(Channel::Caller, 1, second, 50, |index| {
            4_000_000 + index * 20_000
        }));
        let heard = assemble(packets, 5_000_000);
        assert_eq!(heard.left[..8000], said(1, 0, 8000), "{jump}");
        assert_eq!(heard.left[8000..32_000], [0; 24_000], "{jump}");
        assert_eq!(heard.left[32_000..], said(1, second, 8000), "{jump}");
    }
}

#[test]
fn packet_too_late_for_its_place_is_dropped_and_counted() {
    let mut packets = stream(Channel::Caller, 1, 0, 100, EVERY_20_MS);
    packets[20].at = 1_900_000;
    let heard = assemble(packets, 2_000_000);
    let mut expected = said(1, 0, 16_000);
    expected[3200..3360].fill(0);
    assert_eq!(heard.left, expected);
    assert_eq!((heard.counts.late, heard.counts.placed), (1, 99));
}

#[test]
fn recording_cuts_what_lies_before_its_start_and_behind_its_end() {
    let packets = stream(Channel::Caller, 1, 0, 100, |index| index * 20_000 - 110_000);
    let heard = assemble(packets, 1_000_000);
    assert_eq!(heard.left.len(), 8000);
    assert_eq!(heard.left, said(1, 880, 8000));
}

#[test]
fn long_hold_without_batches_is_silence() {
    let mut assembler = Assembler::new(START);
    let mut interleaved = Vec::new();
    let mut sink = |frames: &[i16]| {
        assert!(frames.len() <= 16_000, "one second at a time");
        interleaved.extend_from_slice(frames);
        Ok::<(), ()>(())
    };
    let mut batch = TapBatch::new();
    for packet in stream(Channel::Agent, 1, 0, 10, |index| 600_000_000 + index * 20_000) {
        let payload: Vec<u8> = (0..160).map(|by| code(1, packet.timestamp + by)).collect();
        let frame = TapFrame {
            channel: Channel::Agent,
            codec: Codec::Pcmu,
            arrived: time(packet.at),
            timestamp: packet.timestamp,
            ssrc: 1,
            len: 160,
        };
        assert!(batch.push(frame, &payload));
    }
    assembler.batch(&batch, time(600_200_000), &mut sink).unwrap();
    assembler.finish(time(601_000_000), &mut sink).unwrap();
    let right: Vec<i16> = interleaved.iter().skip(1).step_by(2).copied().collect();
    assert_eq!(right.len(), 601 * 8000);
    assert_eq!(right[600 * 8000..600 * 8000 + 1600], said(1, 0, 1600));
}

#[test]
fn file_is_never_more_than_the_hold_back_behind() {
    let mut assembler = Assembler::new(START);
    for second in 1..10 {
        let until = time(second * 1_000_000);
        assembler
            .batch(&TapBatch::new(), until, |_| Ok::<(), ()>(()))
            .unwrap();
        let behind = u64::try_from(second).unwrap() * 8000 - assembler.frames();
        assert_eq!(behind, 2880);
    }
}

#[test]
fn whatever_comes_the_file_lasts_from_start_to_end() {
    for seed in 0..60 {
        let mut rng = Rng::from_seed(seed);
        let count = rng.below(400);
        let end = i64::try_from(rng.below(5_000_000)).unwrap();
        let packets = (0..count)
            .map(|_| Packet {
                channel: if rng.below(2) == 0 {
                    Channel::Caller
                } else {
                    Channel::Agent
                },
                at: i64::try_from(rng.below(5_000_000)).unwrap() - 100_000,
                timestamp: match rng.below(3) {
                    0 => u32::try_from(rng.below(80_000)).unwrap(),
                    1 => 0_u32.wrapping_sub(u32::try_from(rng.below(80_000)).unwrap()),
                    _ => u32::try_from(rng.below(1 << 32)).unwrap(),
                },
                ssrc: u32::try_from(rng.below(3)).unwrap(),
            })
            .filter(|packet| packet.at < end)
            .collect();
        let heard = assemble(packets, end);
        assert_eq!(
            heard.left.len(),
            usize::try_from(end / 125).unwrap(),
            "seed {seed}"
        );
        assert!(!heard.left.contains(&EMPTY) && !heard.right.contains(&EMPTY));
    }
}

#[test]
fn mark_of_a_gap_is_no_sample_of_either_law() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        assert!(!g711::decode_table(codec).contains(&EMPTY));
    }
}

#[test]
fn batch_whose_lengths_do_not_add_up_is_read_as_far_as_it_goes() {
    let frame = TapFrame {
        channel: Channel::Caller,
        codec: Codec::Pcma,
        arrived: START,
        timestamp: 0,
        ssrc: 1,
        len: 160,
    };
    let batch = TapBatch {
        frames: vec![
            frame,
            TapFrame {
                len: u16::MAX,
                ..frame
            },
        ],
        bytes: vec![0x55; 200],
    };
    let mut assembler = Assembler::new(START);
    assembler
        .batch(&batch, time(500_000), |_| Ok::<(), ()>(()))
        .unwrap();
    assembler.finish(time(500_000), |_| Ok::<(), ()>(())).unwrap();
    assert_eq!((assembler.frames(), assembler.counts().placed), (4000, 1));
}
