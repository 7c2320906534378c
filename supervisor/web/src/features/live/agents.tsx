/** The agents on their three axes, and what may be told them. */
import { ActionIcon, Button, Group, Menu, Modal } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMe } from '../../shared/account/me';
import { problemText } from '../../shared/api/problem-text';
import { agentState } from '../../shared/feed/agents';
import { useFeed, useFreshness, useIds } from '../../shared/feed/react';
import type { AgentRow } from '../../shared/feed/types';
import { Duration } from '../../shared/ui/duration';
import { icons } from '../../shared/ui/icons';
import { type Column, LiveTable } from '../../shared/ui/live-table';
import { order, type Progress, useProgress, type Verb } from './commands';

/** Milliseconds after which a state is too long, where the state has no deadline of its own. */
const TOO_LONG: Partial<Record<string, number>> = { talking: 600_000, hold: 120_000 };

export function Agents() {
  const { t } = useTranslation();
  const ids = useIds('agents');
  const columns = useMemo<Column<AgentRow>[]>(
    () => [
      { key: 'agent', head: t('live.agent'), cell: (row) => <AgentName row={row} /> },
      { key: 'state', head: t('live.state'), cell: (row) => <State row={row} /> },
      {
        key: 'time',
        head: t('live.time'),
        right: true,
        cell: (row) => {
          const { shown, since } = agentState(row);
          return <Duration since={since} until={row.until} breach={TOO_LONG[shown]} />;
        },
      },
      {
        key: 'phone',
        head: t('live.phone'),
        cell: (row) => (
          <span title={row.device_why ?? undefined} data-device={row.device}>
            {t(`device.${row.device}`)}
          </span>
        ),
      },
      {
        key: 'actions',
        head: <span className="sr-only">{t('live.actions')}</span>,
        right: true,
        cell: (row) => <Actions row={row} />,
      },
    ],
    [t],
  );
  return (
    <LiveTable
      topic="agents"
      ids={ids}
      columns={columns}
      caption={t('live.agents')}
      empty={t('live.no_agents')}
    />
  );
}

function AgentName({ row }: { row: AgentRow }) {
  return (
    <span className="two">
      <span>{row.label}</span>
      {row.label === row.id ? null : <span className="quiet">{row.id}</span>}
    </span>
  );
}

export function useReason(): (code: string) => string {
  const { t, i18n } = useTranslation();
  return (code) => (i18n.exists(`reason.${code}`) ? t(`reason.${code}`) : code);
}

function State({ row }: { row: AgentRow }) {
  const { t } = useTranslation();
  const reason = useReason();
  const { shown, badges } = agentState(row);
  const word =
    shown === 'paused' && row.reason
      ? t('state.paused_for', { reason: reason(row.reason) })
      : t(`state.${shown}`);
  return (
    <span className="state-cell">
      <span className="pill" data-state={shown}>
        {icons[shown]}
        {word}
      </span>
      {badges.map((badge) => (
        <span key={badge} className="small-badge">
          {t(`badge.${badge}`)}
        </span>
      ))}
    </span>
  );
}

function ProgressWord({ progress }: { progress: Progress }) {
  const { t } = useTranslation();
  const text =
    progress.state === 'refused'
      ? problemText(t, progress.error)
      : `${t(`command.${progress.verb}`)} · ${t(`command.${progress.state}`)}`;
  return (
    <span className="small-badge" data-command={progress.state} role="status">
      {text}
    </span>
  );
}

type Asked = { verb: 'logout' | 'release'; text: ReactNode };

function Actions({ row }: { row: AgentRow }) {
  const { t } = useTranslation();
  const me = useMe();
  const feed = useFeed();
  const reason = useReason();
  const lost = useFreshness() === 'lost';
  const progress = useProgress(row.id);
  const [asked, setAsked] = useState<Asked | null>(null);
  const own = me.agent === row.id;
  const all = me.rights.includes('control_agents');
  if (!own && !all) return null;
  const run = (verb: Verb, why?: string) => void order(feed, row.id, verb, why);
  const name = row.label;
  const reasons = me.pause_reasons.length > 0 ? me.pause_reasons : ['break'];
  return (
    <span className="actions">
      {progress ? <ProgressWord progress={progress} /> : null}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            size={24}
            disabled={lost && !own}
            title={lost && !own ? t('command.no_data') : undefined}
            aria-label={t('command.menu', { name })}
          >
            {icons.more}
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {row.intent !== 'ready' ? (
            <Menu.Item onClick={() => run('ready')}>{t('command.ready')}</Menu.Item>
          ) : null}
          {reasons.map((code) => (
            <Menu.Item key={code} onClick={() => run('pause', code)}>
              {t('command.pause_for', { reason: reason(code) })}
            </Menu.Item>
          ))}
          {row.intent !== 'logged_out' ? (
            <Menu.Item
              onClick={() => setAsked({ verb: 'logout', text: t('command.confirm_logout_text', { name }) })}
            >
              {t('command.logout')}
            </Menu.Item>
          ) : null}
          {all ? (
            <Menu.Item
              onClick={() => setAsked({ verb: 'release', text: t('command.confirm_release_text', { name }) })}
            >
              {t('command.release')}
            </Menu.Item>
          ) : null}
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={
          asked?.verb === 'release'
            ? t('command.confirm_release', { name })
            : t('command.confirm_logout', { name })
        }
      >
        <p>{asked?.text}</p>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" data-autofocus onClick={() => setAsked(null)}>
            {t('command.cancel')}
          </Button>
          <Button
            onClick={() => {
              if (asked) run(asked.verb);
              setAsked(null);
            }}
          >
            {asked?.verb === 'release' ? t('command.release') : t('command.logout')}
          </Button>
        </Group>
      </Modal>
    </span>
  );
}
