/** Light, dark, or the system's setting. */

const KEY = "typing-relay-theme";

export function followTheme(select) {
  select.value = localStorage.getItem(KEY) ?? "system";
  const apply = () => {
    document.documentElement.dataset.theme = select.value;
    localStorage.setItem(KEY, select.value);
  };
  select.addEventListener("change", apply);
  apply();
}
