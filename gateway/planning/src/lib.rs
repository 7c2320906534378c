//! Planning from history: forecasts, Erlang formulas, seats per interval and band, and a simulator that replays recorded
//! callers through the queue engine itself. Pure: what happened is handed in.

mod compare;
mod demand;
mod erlang;
mod forecast;
mod names;
mod simulate;
mod staffing;
mod stats;

pub use compare::{Compared, compare};
pub use demand::{Caller, Known, Model, callers_of};
pub use erlang::{Abandoning, Load, SEATS_MAX, Waiting, blocking, with_abandons, without_abandons};
pub use forecast::{Forecast, History, SLOTS_MAX, forecast};
pub use names::Names;
pub use simulate::{CALLERS_MAX, Outcome, Presence, RUNS_MAX, Run, Scenario, queues, run};
pub use staffing::{BandHours, Need, Target, heads_per_band, rostered_heads, seats};
pub use stats::{Estimate, estimate};
