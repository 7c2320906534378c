import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const gateway = process.env.HOTLINE_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  // The gateway takes commands from its own page only: while developing, its page is this server.
  server: {
    proxy: { '/v1': { target: gateway, ws: true, changeOrigin: true, headers: { origin: gateway } } },
  },
});
