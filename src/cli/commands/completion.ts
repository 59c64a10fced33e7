import { command } from '../program/command.ts'
import { completionScript, type Shell } from '../program/completion-script.ts'

export const completion = command<{ readonly shell: Shell }>({
  name: 'completion <shell>',
  summary: 'print the completion of bash, zsh or fish',
  details: `Made from the commands themselves; with --app those of the plugins of the application are among them.
bash: add eval "$(chancy completion bash)" to ~/.bashrc
zsh: add eval "$(chancy completion zsh)" to ~/.zshrc, behind compinit
fish: chancy completion fish > ~/.config/fish/completions/chancy.fish`,
  async run({ program }, { shell }) {
    const script = completionScript(program, shell)
    return { value: script, shown: script.trimEnd() }
  },
})
