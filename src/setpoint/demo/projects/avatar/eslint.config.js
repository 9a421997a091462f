import { defineConfig } from "eslint/config";
import { configs } from "typescript-eslint";

export default defineConfig({ ignores: ["dist/"] }, configs.strict, configs.stylistic);
