declare module "*.vue" {
  import type { DefineComponent } from "vue";
  const component: DefineComponent<{ url: string; token: () => Promise<string> }>;
  export default component;
}
