/** Who is logged in, and what that person may do. */
import { createContext, type ReactNode, useContext } from 'react';
import type { Me } from '../api/client';

const MeContext = createContext<Me | null>(null);

export function MeProvider({ me, children }: { me: Me; children: ReactNode }) {
  return <MeContext.Provider value={me}>{children}</MeContext.Provider>;
}

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('nobody is logged in around this component');
  return me;
}
