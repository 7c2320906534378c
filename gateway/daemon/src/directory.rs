//! Names and targets for the console, from the settings.

use std::collections::BTreeMap;

use hotline_config::Settings;
use hotline_supervisor::{AgentEntry, Directory};

/// Codes an agent may be paused with.
const PAUSE_REASONS: [&str; 4] = ["break", "meal", "meeting", "training"];

/// The console's directory.
#[must_use]
pub fn directory(settings: &Settings) -> Directory {
    let mut agents: BTreeMap<String, AgentEntry> = settings
        .seed
        .agents
        .iter()
        .map(|agent| {
            (
                agent.slug.to_string(),
                AgentEntry {
                    label: agent.label.clone(),
                    queues: Vec::new(),
                    team: agent.team.clone(),
                },
            )
        })
        .collect();
    for queue in &settings.queues {
        for agent in settings.agents_of(queue) {
            if let Some(entry) = agents.get_mut(agent.as_str()) {
                entry.queues.push(queue.slug.to_string());
            }
        }
    }
    Directory {
        name: settings.hotline.name.clone(),
        zone: settings.hotline.time_zone.clone(),
        queues: settings
            .queues
            .iter()
            .map(|queue| (queue.slug.to_string(), queue.label.clone()))
            .collect(),
        agents,
        numbers: settings
            .numbers
            .iter()
            .map(|number| (number.slug.to_string(), number.label.clone()))
            .collect(),
        bands: settings
            .bands
            .iter()
            .map(|band| (band.slug.to_string(), band.label.clone()))
            .collect(),
        pause_reasons: if settings.pauses.is_empty() {
            PAUSE_REASONS.iter().map(ToString::to_string).collect()
        } else {
            settings.pauses.iter().map(|pause| pause.slug.clone()).collect()
        },
        targets: targets(settings),
    }
}

fn targets(settings: &Settings) -> hotline_supervisor::dto::Targets {
    hotline_supervisor::dto::Targets {
        answer_rate: settings.hotline.answer_rate_target,
        ..Default::default()
    }
}
