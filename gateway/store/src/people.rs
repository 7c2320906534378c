//! People and secrets: agents with their HA1s, users with their hashes, tokens, the roster and the settings that the
//! configuration only seeds. Hashing is the caller's work; the store keeps what it is given.

use std::sync::Arc;

use hotline_journal::By;
use hotline_types::{AgentSlug, BandSlug, PersonId, WallTime};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};

use crate::StoreError;
use crate::db::Database;
use crate::rows::json;

/// Tokens there may be at once; making one more is refused until an old one is revoked or expires.
pub const TOKENS_MAX: i64 = 1_000;

/// An agent and the password equivalents of its phone. Never log it.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// The name.
    pub slug: AgentSlug,
    /// What people read.
    pub label: String,
    /// The extension others dial.
    pub extension: Option<String>,
    /// HA1 of RFC 8760 with MD5, in hex.
    pub ha1_md5: String,
    /// HA1 of RFC 8760 with SHA-256, in hex.
    pub ha1_sha256: String,
}

impl std::fmt::Debug for AgentRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentRow")
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}

/// A user of console and API. Never log it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The login name.
    pub login: String,
    /// The name of the role.
    pub role: String,
    /// The password's argon2 hash, in PHC form.
    pub hash: String,
}

impl std::fmt::Debug for UserRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRow")
            .field("login", &self.login)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// SHA-256 of the token. The token itself is nowhere.
    pub sha256: [u8; 32],
    /// Whose it is: a login name.
    pub user: String,
    /// What it may do.
    pub rights: Vec<String>,
    /// What people read.
    pub label: String,
    /// When it is made.
    pub created: WallTime,
    /// When it ends.
    pub expires: Option<WallTime>,
    /// It works once (a login link).
    pub once: bool,
}

/// A token there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Its number, for revoking.
    pub id: i64,
    /// Whose it is.
    pub user: String,
    /// The name of the user's role.
    pub role: String,
    /// What it may do.
    pub rights: Vec<String>,
    /// What people read.
    pub label: String,
    /// When it was made.
    pub created: WallTime,
    /// When it ends.
    pub expires: Option<WallTime>,
    /// It works once.
    pub once: bool,
}

impl TokenRow {
    /// How the journal names who uses it.
    #[must_use]
    pub fn by(&self) -> By {
        By::User(self.user.clone())
    }
}

/// An agent on a band.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterRow {
    /// The band.
    pub band: BandSlug,
    /// The agent.
    pub agent: AgentSlug,
    /// Weekdays of the band's beginning, Monday first.
    pub days: [bool; 7],
}

/// What fills an empty store once.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    /// The agents.
    pub agents: Vec<AgentRow>,
    /// The users.
    pub users: Vec<UserRow>,
    /// The roster.
    pub roster: Vec<RosterRow>,
    /// The settings, for instance the realm.
    pub settings: Vec<(String, String)>,
}

/// People and secrets of one store; cheap to clone.
#[derive(Clone, Debug)]
pub struct People {
    database: Arc<Database>,
    pub(crate) pool: SqlitePool,
}

impl People {
    pub(crate) fn new(database: &Database) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(database.writing());
        Self {
            database: Arc::new(database.clone()),
            pool,
        }
    }

    pub(crate) fn wrong(&self, error: sqlx::Error) -> StoreError {
        self.database.error(error)
    }

    /// Fills the store if it has neither agents nor users; true where it did.
    ///
    /// # Errors
    /// The database's; nothing is written then.
    pub async fn seed_if_empty(&self, seed: &Seed) -> Result<bool, StoreError> {
        self.seed(seed).await.map_err(|error| self.wrong(error))
    }

    async fn seed(&self, seed: &Seed) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let some: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM agents) OR EXISTS (SELECT 1 FROM users)")
                .fetch_one(&mut *transaction)
                .await?;
        if some {
            return Ok(false);
        }
        for agent in &seed.agents {
            put_agent(&mut transaction, agent).await?;
        }
        for user in &seed.users {
            put_user(&mut transaction, user).await?;
        }
        for row in &seed.roster {
            put_roster(&mut transaction, row).await?;
        }
        for (key, value) in &seed.settings {
            put_setting(&mut transaction, key, value).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// All agents, by slug.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn agents(&self) -> Result<Vec<AgentRow>, StoreError> {
        let rows: Vec<(String, String, Option<String>, String, String)> =
            sqlx::query_as("SELECT slug, label, extension, ha1_md5, ha1_sha256 FROM agents ORDER BY slug")
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.wrong(error))?;
        let agent = |(slug, label, extension, ha1_md5, ha1_sha256): (
            String,
            String,
            Option<String>,
            String,
            String,
        )| {
            let slug = slug.parse().map_err(|_| self.database.bad_row("an agent"))?;
            Ok(AgentRow {
                slug,
                label,
                extension,
                ha1_md5,
                ha1_sha256,
            })
        };
        rows.into_iter().map(agent).collect()
    }

    /// Adds an agent or replaces its row.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_agent(&self, agent: &AgentRow) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.wrong(error))?;
        put_agent(&mut connection, agent)
            .await
            .map_err(|error| self.wrong(error))
    }

    /// All users, by login name.
    ///
    /// # Errors
    /// The database's.
    pub async fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as("SELECT login, role, hash FROM users ORDER BY login")
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.wrong(error))?;
        Ok(rows
            .into_iter()
            .map(|(login, role, hash)| UserRow { login, role, hash })
            .collect())
    }

    /// One user.
    ///
    /// # Errors
    /// The database's.
    pub async fn user(&self, login: &str) -> Result<Option<UserRow>, StoreError> {
        let row: Option<(String, String, String)> =
            sqlx::query_as("SELECT login, role, hash FROM users WHERE login = ?")
                .bind(login)
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| self.wrong(error))?;
        Ok(row.map(|(login, role, hash)| UserRow { login, role, hash }))
    }

    /// Adds a user or replaces its row.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_user(&self, user: &UserRow) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.wrong(error))?;
        put_user(&mut connection, user)
            .await
            .map_err(|error| self.wrong(error))
    }

    /// Sets a user's hash and revokes every token of that user; false where there is no such user.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_password(&self, login: &str, hash: &str) -> Result<bool, StoreError> {
        let set = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let done = sqlx::query("UPDATE users SET hash = ? WHERE login = ?")
                .bind(hash)
                .bind(login)
                .execute(&mut *transaction)
                .await?;
            sqlx::query("DELETE FROM tokens WHERE user = ?")
                .bind(login)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(done.rows_affected() > 0)
        };
        set.await.map_err(|error| self.wrong(error))
    }

    /// Makes a token; answers its number.
    ///
    /// # Errors
    /// The database's; [`StoreError::BadRequest`] where [`TOKENS_MAX`] are there already.
    pub async fn create_token(&self, token: &NewToken) -> Result<i64, StoreError> {
        let create = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("DELETE FROM tokens WHERE expires <= ?")
                .bind(token.created.as_micros())
                .execute(&mut *transaction)
                .await?;
            let (count, id): (i64, i64) =
                sqlx::query_as("SELECT count(*), coalesce(max(id), 0) + 1 FROM tokens")
                    .fetch_one(&mut *transaction)
                    .await?;
            if count >= TOKENS_MAX {
                return Ok(None);
            }
            insert_token(&mut transaction, id, token).await?;
            transaction.commit().await?;
            Ok(Some(id))
        };
        let id: Option<i64> = create.await.map_err(|error| self.wrong(error))?;
        id.ok_or(StoreError::BadRequest(
            "there are too many tokens; revoke some first",
        ))
    }

    /// The token of this SHA-256 that has not ended at `now`. One that works once is gone by it.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn redeem(&self, sha256: &[u8; 32], now: WallTime) -> Result<Option<TokenRow>, StoreError> {
        let row: Option<TokenColumns> = sqlx::query_as(
            "SELECT id, user, role, rights, label, created, expires, once FROM tokens JOIN users ON login = user \
             WHERE sha256 = ? AND coalesce(expires > ?, true)",
        )
        .bind(sha256.as_slice())
        .bind(now.as_micros())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        let Some(token) = row.map(|row| self.token(row)).transpose()? else {
            return Ok(None);
        };
        // Of two who redeem it at the same moment, the one whose delete hits has it.
        if token.once && !self.revoke_token(token.id).await? {
            return Ok(None);
        }
        Ok(Some(token))
    }

    /// All tokens, by number.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let rows: Vec<TokenColumns> = sqlx::query_as(
            "SELECT id, user, role, rights, label, created, expires, once FROM tokens JOIN users ON login = user \
             ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        rows.into_iter().map(|row| self.token(row)).collect()
    }

    /// Ends a token; false where there is none of this number.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_token(&self, id: i64) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM tokens WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await;
        done.map(|done| done.rows_affected() > 0)
            .map_err(|error| self.wrong(error))
    }

    fn token(&self, row: TokenColumns) -> Result<TokenRow, StoreError> {
        let (id, user, role, rights, label, created, expires, once) = row;
        let rights =
            serde_json::from_str(&rights).map_err(|_| self.database.bad_row(format!("token {id}")))?;
        let created = WallTime::from_micros(created);
        Ok(TokenRow {
            id,
            user,
            role,
            rights,
            label,
            created,
            expires: expires.map(WallTime::from_micros),
            once,
        })
    }

    /// The roster.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn roster(&self) -> Result<Vec<RosterRow>, StoreError> {
        read_roster(&self.database, &self.pool).await
    }

    /// Replaces the roster.
    ///
    /// # Errors
    /// The database's; the old roster stays then.
    pub async fn set_roster(&self, roster: &[RosterRow]) -> Result<(), StoreError> {
        let set = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("DELETE FROM roster")
                .execute(&mut *transaction)
                .await?;
            for row in roster {
                put_roster(&mut transaction, row).await?;
            }
            transaction.commit().await
        };
        set.await.map_err(|error| self.wrong(error))
    }

    /// A setting.
    ///
    /// # Errors
    /// The database's.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT value FROM settings WHERE key = ?")
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.wrong(error))
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.wrong(error))?;
        put_setting(&mut connection, key, value)
            .await
            .map_err(|error| self.wrong(error))
    }

    /// Empties a person's row for good; the id stays, so that events still point to it. False where there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn erase_person(&self, id: PersonId, now: WallTime) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE persons SET number = NULL, name = NULL, erased = ? WHERE id = ?")
            .bind(now.as_micros())
            .bind(id.to_string())
            .execute(&self.pool)
            .await;
        done.map(|done| done.rows_affected() > 0)
            .map_err(|error| self.wrong(error))
    }
}

type TokenColumns = (i64, String, String, String, String, i64, Option<i64>, bool);

async fn put_agent(connection: &mut SqliteConnection, agent: &AgentRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO agents (slug, label, extension, ha1_md5, ha1_sha256) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(agent.slug.as_str())
    .bind(agent.label.as_str())
    .bind(agent.extension.as_deref())
    .bind(agent.ha1_md5.as_str())
    .bind(agent.ha1_sha256.as_str())
    .execute(connection)
    .await
    .map(|_| ())
}

async fn put_user(connection: &mut SqliteConnection, user: &UserRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO users (login, role, hash) VALUES (?, ?, ?) \
         ON CONFLICT (login) DO UPDATE SET role = excluded.role, hash = excluded.hash",
    )
    .bind(user.login.as_str())
    .bind(user.role.as_str())
    .bind(user.hash.as_str())
    .execute(connection)
    .await
    .map(|_| ())
}

/// The roster, for both faces.
pub(crate) async fn read_roster(
    database: &Database,
    pool: &SqlitePool,
) -> Result<Vec<RosterRow>, StoreError> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT band, agent, days FROM roster ORDER BY band, agent")
            .fetch_all(pool)
            .await
            .map_err(|error| database.error(error))?;
    let row = |(band, agent, days): (String, String, i64)| {
        let bad = || database.bad_row("the roster");
        let days = std::array::from_fn(|day| days >> day & 1 == 1);
        Ok(RosterRow {
            band: band.parse().map_err(|_| bad())?,
            agent: agent.parse().map_err(|_| bad())?,
            days,
        })
    };
    rows.into_iter().map(row).collect()
}

async fn put_roster(connection: &mut SqliteConnection, row: &RosterRow) -> Result<(), sqlx::Error> {
    let days = row
        .days
        .iter()
        .enumerate()
        .fold(0_i64, |bits, (day, &on)| bits | i64::from(on) << day);
    sqlx::query("INSERT OR REPLACE INTO roster (band, agent, days) VALUES (?, ?, ?)")
        .bind(row.band.as_str())
        .bind(row.agent.as_str())
        .bind(days)
        .execute(connection)
        .await
        .map(|_| ())
}

pub(crate) async fn put_setting(
    connection: &mut SqliteConnection,
    key: &str,
    value: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)")
        .bind(key)
        .bind(value)
        .execute(connection)
        .await
        .map(|_| ())
}

async fn insert_token(
    connection: &mut SqliteConnection,
    id: i64,
    token: &NewToken,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO tokens (sha256, id, user, rights, label, created, expires, once) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(token.sha256.as_slice())
    .bind(id)
    .bind(token.user.as_str())
    .bind(json(&token.rights))
    .bind(token.label.as_str())
    .bind(token.created.as_micros())
    .bind(token.expires.map(WallTime::as_micros))
    .bind(token.once)
    .execute(connection)
    .await
    .map(|_| ())
}
