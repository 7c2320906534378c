//! What the journal knows of earlier callers, for the switch to go on with after a start.

use anyhow::Context as _;
use hotline_config::Settings;
use hotline_store::Reader;
use hotline_switch::{Input, LostPlace, Served};
use hotline_types::WallTime;
use tokio::sync::mpsc;

/// Tells the switch what the journal knows.
///
/// # Errors
/// Where the journal cannot be read.
pub async fn tell(
    reader: &Reader,
    settings: &Settings,
    now: WallTime,
    switch: &mpsc::Sender<Input>,
) -> anyhow::Result<()> {
    let remembered = remember(reader, settings, now).await?;
    // A driver that is gone already is a start that has failed, which the owner of its task finds out.
    drop(switch.send(remembered).await);
    Ok(())
}

/// Places lost within the time they are kept, and last agents within theirs.
///
/// # Errors
/// Where the journal cannot be read.
async fn remember(reader: &Reader, settings: &Settings, now: WallTime) -> anyhow::Result<Input> {
    let routing = &settings.routing;
    let lost = reader
        .lost_callers(now - routing.places_kept, now)
        .await
        .context("cannot read who was lost in a queue")?;
    let places = lost.into_iter().map(|caller| LostPlace {
        number: caller.number,
        queue: caller.queue,
        enqueued_at: caller.enqueued_at,
        lost_at: caller.lost_at,
    });
    let wanted = settings
        .queues
        .iter()
        .any(|queue| !queue.rules.prefer_last.is_zero());
    let served = if wanted {
        reader
            .last_agents(now - routing.last_agent_kept)
            .await
            .context("cannot read who served whom last")?
    } else {
        Vec::new()
    };
    let served = served.into_iter().map(|last| Served {
        number: last.number,
        agent: last.agent,
        at: last.at,
    });
    Ok(Input::Remember {
        places: places.collect(),
        served: served.collect(),
    })
}
