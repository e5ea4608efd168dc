import vue from "@vitejs/plugin-vue";

export default { plugins: [vue()], build: { rollupOptions: { input: ["index.html", "vue.html", "hydrated.html"] } } };
