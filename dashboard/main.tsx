import './style/all.css'
import { render } from 'preact'
import { startKeys } from './keys.ts'
import { startLive } from './live.ts'
import { startRouter } from './router.ts'
import { loadSession } from './session.ts'
import { Shell } from './shell.tsx'
import { startShellKeys } from './shell-keys.ts'
import { startTheme } from './theme.ts'
import { startClock } from './time.ts'

startTheme()
startClock()
startRouter()
startShellKeys()
startKeys()
startLive()
void loadSession()
render(<Shell />, document.getElementById('app')!)
