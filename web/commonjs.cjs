// For Node before 22.10, whose require() takes no ES module.
throw new Error('typing-relay is an ES module: write `import { connect } from "typing-relay"`, or `await import("typing-relay")`.');
