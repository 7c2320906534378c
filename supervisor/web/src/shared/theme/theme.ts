/** The kit's theme, made of our tokens. */
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const blue: MantineColorsTuple = [
  '#eaf3fd',
  '#d2e4f8',
  '#a6c9f0',
  '#76abe6',
  '#6cb2ff',
  '#3a80d2',
  '#1d68bf',
  '#1461b4',
  '#0a55a8',
  '#084689',
];

const dark: MantineColorsTuple = [
  '#e8edf3',
  '#b3bfcc',
  '#97a3b3',
  '#97a3b3',
  '#718096',
  '#2e3946',
  '#182029',
  '#182029',
  '#10151c',
  '#0b0f14',
];

export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  colors: { blue, dark },
  // Said outright, so that the style sheet can tell filled buttons by their attribute.
  components: { Button: { defaultProps: { variant: 'filled' } } },
  defaultRadius: 4,
  fontFamily: 'var(--font)',
  fontSizes: { xs: '12px', sm: '14px', md: '14px', lg: '16px', xl: '20px' },
});
