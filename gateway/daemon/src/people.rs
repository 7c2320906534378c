//! People: the first start makes their secrets, the store keeps hashes, later starts read them.

use anyhow::Context as _;
use hotline_acd::RosterEntry;
use hotline_config::{Settings, UserRole};
use hotline_sip::Credentials;
use hotline_sip::digest::{Algorithm, ha1};
use hotline_store::{AgentRow, People, RosterRow, Seed, UserRow};
use hotline_supervisor::Role;
use hotline_types::{AgentSlug, Pii, Rng};

use crate::place::Place;
use crate::secrets::{self, HandOut};

/// Login name of the account that the first start makes beside the configured ones.
const ADMIN: &str = "admin";

/// Fills an empty store with the seed and hands the secrets out.
///
/// # Errors
/// Where the store or the hand-out cannot be written.
pub async fn seed(people: &People, settings: &Settings, place: &Place, rng: &mut Rng) -> anyhow::Result<()> {
    if people.setting("realm").await?.is_some() {
        return warn_of_changes(people, settings).await;
    }
    let realm = settings.sip.realm.clone();
    let mut hand_out = HandOut::default();
    let mut agents = Vec::new();
    for agent in &settings.seed.agents {
        let password = secrets::password(rng);
        agents.push(agent_row(&agent.slug, &agent.label, &realm, &password));
        hand_out.agents.push((agent.slug.to_string(), password));
    }
    let mut logins = vec![(ADMIN.to_owned(), Role::Admin)];
    logins.extend(
        settings
            .seed
            .users
            .iter()
            .map(|user| (user.slug.clone(), role(user.role))),
    );
    let mut accounts = Vec::new();
    for (login, role) in logins {
        let password = secrets::password(rng);
        let mut salt = [0_u8; 16];
        rng.fill(&mut salt);
        hand_out.users.push((login.clone(), password.clone()));
        accounts.push((login, role, Pii::new(password), salt));
    }
    let users = tokio::task::spawn_blocking(move || hash_all(accounts)).await??;
    let weekly = settings.seed.roster.iter().filter(|entry| entry.dates.is_empty());
    let roster = weekly.map(|entry| RosterRow {
        band: entry.band.clone(),
        agent: entry.agent.clone(),
        days: entry.days,
    });
    // The hand-out first: an account whose password nobody knows would be worse than a hand-out without accounts.
    place.write_secrets(&hand_out.text(&realm))?;
    let settings = vec![("realm".to_owned(), realm)];
    people
        .seed_if_empty(&Seed {
            agents,
            users,
            roster: roster.collect(),
            settings,
        })
        .await?;
    Ok(())
}

fn hash_all(accounts: Vec<(String, Role, Pii<String>, [u8; 16])>) -> anyhow::Result<Vec<UserRow>> {
    let row = |(login, role, password, salt): (String, Role, Pii<String>, [u8; 16])| {
        let hash = hotline_supervisor::hash_password(&password, &salt).context("cannot hash a password")?;
        Ok(UserRow {
            login,
            role: role.name().to_owned(),
            hash: hash.into_inner(),
        })
    };
    accounts.into_iter().map(row).collect()
}

const fn role(role: UserRole) -> Role {
    match role {
        UserRole::Supervisor => Role::Supervisor,
        UserRole::TeamLeader => Role::TeamLeader,
    }
}

fn agent_row(slug: &AgentSlug, label: &str, realm: &str, password: &str) -> AgentRow {
    AgentRow {
        slug: slug.clone(),
        label: label.to_owned(),
        extension: None,
        ha1_md5: ha1(Algorithm::Md5, slug.as_str(), realm, password),
        ha1_sha256: ha1(Algorithm::Sha256, slug.as_str(), realm, password),
    }
}

/// A seed that changed after the first start has no effect: say so instead of leaving the operator puzzled.
async fn warn_of_changes(people: &People, settings: &Settings) -> anyhow::Result<()> {
    let stored = people.agents().await?;
    for agent in &settings.seed.agents {
        if !stored.iter().any(|row| row.slug == agent.slug) {
            tracing::warn!(agent = %agent.slug, "Agent of [seed] is not in the store, which was filled before; the phone cannot register");
        }
    }
    let realm = people.setting("realm").await?.unwrap_or_default();
    if realm != settings.sip.realm {
        tracing::warn!(
            "The realm differs from the one the stored phone secrets were made for: no phone can register"
        );
    }
    Ok(())
}

/// Marks a store that the demo made. Its secrets are nobody's: they are good on loopback only.
pub const DEMO: &str = "demo";

/// Whether the demo made this store.
///
/// # Errors
/// Where the store cannot be read.
pub async fn is_demo(people: &People) -> anyhow::Result<bool> {
    Ok(people.setting(DEMO).await?.is_some())
}

/// Refuses to serve anybody but this machine from a store that the demo made.
///
/// # Errors
/// Where the store cannot be read, or that is what the settings ask for.
pub async fn keep_demo_on_loopback(people: &People, settings: &Settings) -> anyhow::Result<()> {
    let listeners = settings.sip.listeners.iter().map(|listener| listener.bind);
    let outside = listeners
        .chain([settings.console.bind])
        .find(|bind| !bind.ip().is_loopback());
    if let Some(bind) = outside
        && is_demo(people).await?
    {
        anyhow::bail!(
            "the data folder {} was made by the demo, whose secrets are refused off loopback, and {bind} is off loopback\nhint: choose another folder with --data DIR",
            settings.data.dir.display()
        );
    }
    Ok(())
}

/// Gives these agents new passwords; the store keeps what phones are challenged with.
///
/// # Errors
/// Where the store cannot be written.
pub async fn new_passwords(
    people: &People,
    settings: &Settings,
    agents: &[hotline_config::Agent],
    rng: &mut Rng,
) -> anyhow::Result<Vec<(AgentSlug, Pii<String>)>> {
    let mut passwords = Vec::new();
    for agent in agents {
        let password = secrets::password(rng);
        people
            .put_agent(&agent_row(
                &agent.slug,
                &agent.label,
                &settings.sip.realm,
                &password,
            ))
            .await?;
        passwords.push((agent.slug.clone(), Pii::new(password)));
    }
    Ok(passwords)
}

/// What phones are challenged with.
///
/// # Errors
/// Where the store cannot be read.
pub async fn credentials(people: &People) -> anyhow::Result<Vec<Credentials>> {
    let agents = people.agents().await?;
    let one = |row: AgentRow| Credentials {
        agent: row.slug,
        ha1_md5: Pii::new(row.ha1_md5),
        ha1_sha256: Pii::new(row.ha1_sha256),
    };
    Ok(agents.into_iter().map(one).collect())
}

/// Who is on duty when; entries about what the configuration no longer has are left out.
///
/// # Errors
/// Where the store cannot be read.
pub async fn roster(people: &People, settings: &Settings) -> anyhow::Result<Vec<RosterEntry>> {
    Ok(entries(people.roster().await?, settings))
}

/// The rows of the roster that the configuration knows.
#[must_use]
pub fn entries(rows: Vec<RosterRow>, settings: &Settings) -> Vec<RosterEntry> {
    let known = |row: &RosterRow| {
        settings.bands.iter().any(|band| band.slug == row.band)
            && settings.seed.agents.iter().any(|agent| agent.slug == row.agent)
    };
    rows.into_iter()
        .filter(known)
        .map(|row| RosterEntry {
            band: row.band,
            agent: row.agent,
            days: row.days,
            dates: Vec::new(),
        })
        .collect()
}
