import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Addresses are relative: the server may stand behind a prefix.
export default defineConfig({ base: './', plugins: [react()], build: { assetsInlineLimit: 0 } });
