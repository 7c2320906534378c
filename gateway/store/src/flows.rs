//! Flow versions and their activations: the texts by the hash of their content, which one is active, and who made it so.

use std::collections::BTreeMap;

use hotline_types::{ContactId, Pii, WallTime};
use serde::{Deserialize, Serialize};

use crate::people::{People, put_setting};
use crate::{Reader, StoreError};

/// Activations of one flow that are remembered.
const HISTORY_MAX: usize = 200;

/// One activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationRow {
    /// The flow.
    pub flow: String,
    /// SHA-256 of the version's text, in hex.
    pub version: String,
    /// The version before.
    pub previous: Option<String>,
    /// The one number that it is for.
    pub number: Option<String>,
    /// Percent of the calls that get it.
    pub share: u8,
    /// Who.
    pub author: String,
    /// When, UTC milliseconds.
    pub at_ms: i64,
    /// Lines added and removed.
    pub difference: String,
}

fn wrong(_: &serde_json::Error) -> StoreError {
    StoreError::BadRequest("an activation cannot be read or written")
}

impl People {
    /// Keeps the texts and the activation, in one transaction: all of it or nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn activate_flow(
        &self,
        row: &ActivationRow,
        texts: &[(String, String)],
        now: WallTime,
    ) -> Result<(), StoreError> {
        let mut row = row.clone();
        row.at_ms = now.as_millis();
        let mut history = self.flow_history(&row.flow).await?;
        history.insert(0, row.clone());
        history.truncate(HISTORY_MAX);
        let history = serde_json::to_string(&history).map_err(|error| wrong(&error))?;
        let set = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            for (version, text) in texts {
                put_setting(&mut transaction, &format!("flow.version.{version}"), text).await?;
            }
            put_setting(&mut transaction, &format!("flow.history.{}", row.flow), &history).await?;
            if row.number.is_none() && row.share >= 100 {
                put_setting(
                    &mut transaction,
                    &format!("flow.active.{}", row.flow),
                    &row.version,
                )
                .await?;
            }
            transaction.commit().await
        };
        set.await.map_err(|error| self.wrong(error))
    }

    /// Activations of a flow, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn flow_history(&self, flow: &str) -> Result<Vec<ActivationRow>, StoreError> {
        let text = self.setting(&format!("flow.history.{flow}")).await?;
        text.map_or(Ok(Vec::new()), |text| {
            serde_json::from_str(&text).map_err(|error| wrong(&error))
        })
    }

    /// The text of a version.
    ///
    /// # Errors
    /// The database's.
    pub async fn flow_text(&self, version: &str) -> Result<Option<String>, StoreError> {
        self.setting(&format!("flow.version.{version}")).await
    }

    /// The texts of the active versions of flows that were ever activated, by flow.
    ///
    /// # Errors
    /// The database's.
    pub async fn active_flows(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT substr(active.key, 13), text.value FROM settings active \
             JOIN settings text ON text.key = 'flow.version.' || active.value \
             WHERE active.key LIKE 'flow.active.%'",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        Ok(rows.into_iter().collect())
    }

    /// The numbers whose emergency announcement is on.
    ///
    /// # Errors
    /// The database's.
    pub async fn emergencies(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT substr(key, 11) FROM settings WHERE key LIKE 'emergency.%' AND value = 'on'",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))
    }
}

impl Reader {
    /// Whether another contact came from this number.
    ///
    /// # Errors
    /// The database's.
    pub async fn has_called(&self, number: &Pii<String>, except: ContactId) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM persons JOIN contacts ON contacts.person = persons.id \
             WHERE persons.number = ? AND contacts.id <> ?)",
        )
        .bind(number.reveal())
        .bind(except.to_string())
        .fetch_one(&self.pool)
        .await
        .map_err(|error| self.database.error(error))
    }
}
