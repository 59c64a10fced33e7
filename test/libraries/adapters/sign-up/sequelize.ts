import { DataTypes, Sequelize } from 'sequelize'
import { chancy, welcome } from './app.ts'

const sequelize = new Sequelize(process.env.DATABASE_URL ?? '', { logging: false })
const email = { type: DataTypes.TEXT, primaryKey: true }
const User = sequelize.define('User', { email }, { tableName: 'users', timestamps: false })

export async function signUp(email: string): Promise<void> {
  await sequelize.transaction(async (transaction) => {
    await User.create({ email }, { transaction })
    await chancy.push(welcome.job.withArgs({ email }), { session: transaction })
  })
}
